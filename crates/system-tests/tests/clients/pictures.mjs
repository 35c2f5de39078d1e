// One picture by fetch, as pages have it, without a header that is set by hand.
import { readFile } from "node:fs/promises";

const [address, picture] = process.argv.slice(2);
const content = await readFile(picture);
const form = new FormData();
form.append("files", new Blob([content]), "cat.jpg");
const bodies = [content, new Blob([content]), new Blob([content], { type: "image/jpeg" }), form];
bodies.push(JSON.stringify({ image: `data:image/jpeg;base64,${content.toString("base64")}` }));
for (const body of bodies) {
  const answer = await (await fetch(`http://${address}/predict`, { method: "POST", body })).json();
  if (answer.predictions?.[0].label !== "cat") throw new Error(JSON.stringify(answer));
}
console.log(bodies.length);
