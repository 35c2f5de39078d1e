// Predicts a picture, and asks what was logged of it, through types that openapi-typescript has made.

import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { paths as InferencePaths } from "./inference.js";
import type { paths as LoggingPaths } from "./logging.js";

const [inferenceUrl, loggingUrl, picture] = process.argv.slice(2);
const inference = createClient<InferencePaths>({ baseUrl: inferenceUrl });
const logging = createClient<LoggingPaths>({ baseUrl: loggingUrl });

const image = (await readFile(picture)).toString("base64");
const { data: answer, error: refusal } = await inference.POST("/predict", { body: { model: "cifar10", image, top_k: 3 } });
if (refusal) throw new Error(`${refusal.code}: ${refusal.error}`);
// A table is answered with a table, which is text.
if (!answer || typeof answer === "string") throw new Error("the answer is no JSON");
const [prediction] = answer.predictions;
if (!("label" in prediction)) throw new Error("the model has no classes");

// The record is delivered after the answer.
let labels: unknown[] = [];
while (labels.length === 0) {
  await setTimeout(100);
  const asked = await logging.GET("/predictions", { params: { query: { request_id: answer.request_id } } });
  if (!asked.data) throw new Error(`${asked.error.code}: ${asked.error.error}`);
  labels = asked.data.predictions.map((stored) => stored.label);
}
console.log(JSON.stringify({ predicted: prediction.label, logged: labels }));
