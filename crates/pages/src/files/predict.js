// Asks a model as its page says, and shows the answer. Texts become text, never markup.
"use strict";

const form = document.querySelector("form[data-predict]");
const shown = document.querySelector("[data-answer]");

// An element with this text in it.
function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

// A share as a bar beside its number.
function bar(share) {
  const meter = element("meter");
  meter.max = 1;
  meter.value = share;
  meter.setAttribute("aria-hidden", "true");
  const whole = element("span", `${(share * 100).toFixed(1)} % `, "share");
  whole.append(meter);
  return whole;
}

function prediction(answer, name) {
  const part = element("section", undefined, "card");
  if (name) part.append(element("h3", name));
  if (answer.label !== undefined) part.append(element("p", answer.label, "big"));
  if (answer.value !== undefined) part.append(element("p", String(answer.value), "big"));
  if (answer.top) {
    const table = element("table");
    for (const { label, confidence } of answer.top) {
      const row = table.insertRow();
      row.append(element("th", label));
      row.insertCell().append(bar(confidence));
    }
    part.append(table);
  }
  return part;
}

function show(answer, names) {
  shown.replaceChildren(element("h2", "Answer"));
  (answer.predictions || []).forEach((one, place) => shown.append(prediction(one, names[place])));
  const whole = element("details");
  whole.append(element("summary", "As JSON"), element("pre", JSON.stringify(answer, null, 2)));
  shown.append(whole);
}

function refuse(sentence, code) {
  const told = element("p", sentence, "wrong");
  told.setAttribute("role", "alert");
  shown.replaceChildren(told);
  if (code) shown.append(element("p", code, "quiet"));
}

// The row that was typed: numbers as numbers, and without what was left empty.
function row() {
  const values = {};
  for (const field of form.querySelectorAll("[data-feature]")) {
    if (field.value === "") continue;
    const number = Number(field.value);
    values[field.dataset.feature] = field.dataset.kind === "number" && !Number.isNaN(number) ? number : field.value;
  }
  return JSON.stringify({ rows: [values] });
}

async function ask(what) {
  const headers = {};
  let body;
  let names = [];
  if (what === "pictures") {
    body = new FormData();
    names = [...form.elements.pictures.files].map((file) => file.name);
    if (!names.length) return refuse("Choose a picture first.");
    for (const file of form.elements.pictures.files) body.append("image", file);
  } else {
    headers["content-type"] = "application/json";
    body = what === "row" ? row() : form.elements.json.value;
  }
  if (form.elements.key?.value) headers.authorization = `Bearer ${form.elements.key.value}`;
  const buttons = form.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  try {
    const response = await fetch(form.dataset.predict, { method: "POST", headers, body });
    const answer = await response.json();
    if (response.ok) show(answer, names);
    else refuse(answer.error, `${answer.code} · request ${answer.request_id}`);
  } catch (problem) {
    refuse(`The service did not answer: ${problem.message}`);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

if (form && shown) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(event.submitter ? event.submitter.value : "json");
  });
  const pictures = form.elements.pictures;
  const drop = form.querySelector(".drop");
  if (pictures && drop) {
    pictures.addEventListener("change", () => pictures.files.length && ask("pictures"));
    drop.addEventListener("dragover", (event) => event.preventDefault());
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      pictures.files = event.dataTransfer.files;
      ask("pictures");
    });
  }
}
