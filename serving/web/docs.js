"use strict";
const at = id => document.getElementById(id);
const EXAMPLES = {user_id: "U0007", item_id: "P0001", event_type: "click", k: 10};

function make(tag, className, ...inside) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...inside);
  return node;
}

const follow = (schema, api) => schema.$ref ? follow(schema.$ref.split("/").slice(1).reduce((part, key) => part[key], api), api) : schema;

function kind(given, api) {
  const schema = follow(given, api);
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.anyOf || schema.oneOf) return (schema.anyOf || schema.oneOf).map(part => kind(part, api)).join(" or ");
  if (schema.type === "array") return "list of " + (schema.items ? kind(schema.items, api) : "events");
  const limits = ["minimum", "maximum", "minLength", "maxLength", "maxItems"].filter(key => key in schema).map(key => `${key} ${schema[key]}`);
  return [schema.format || (schema.properties ? schema.title : schema.type), ...limits].join(", ");
}

function example(given, api, name) {
  const schema = follow(given, api);
  if (name in EXAMPLES) return EXAMPLES[name];
  if ("default" in schema) return schema.default;
  if (schema.oneOf || schema.anyOf) return example((schema.oneOf || schema.anyOf)[0], api, name);
  if (schema.properties) {
    const shown = Object.entries(schema.properties).filter(([key]) => key in EXAMPLES || (schema.required || []).includes(key));
    return Object.fromEntries(shown.map(([key, part]) => [key, example(part, api, key)]));
  }
  return {integer: 1, number: 1, boolean: true, array: []}[schema.type] ?? "text";
}

function table(rows) {
  const head = make("tr", "", ...["name", "what", ""].map(text => make("th", "", text)));
  return make("table", "", head, ...rows.map(row => make("tr", "", ...row.map(text => make("td", "", text)))));
}

function fields(schema, api) {
  return Object.entries(schema.properties || {}).map(([key, part]) => {
    const needed = (schema.required || []).includes(key) ? "required. " : "";
    return [key, kind(part, api), needed + (part.description || "")];
  });
}

function call(path, method, told, api) {
  const head = make("summary", "", make("span", "method", method.toUpperCase()), make("code", "", path), " ", make("span", "soft", told.summary || ""));
  const box = make("details", "call", head, make("p", "", told.description || ""));
  const parameters = (told.parameters || []).map(part => [part.name, kind(part.schema, api), `${part.in}${part.required ? ", required" : ""}`]);
  if (parameters.length) box.append(table(parameters));
  let curl = `curl '${location.origin}${path}'`;
  const content = told.requestBody && told.requestBody.content["application/json"];
  if (content) {
    const schema = follow(content.schema, api), one = schema.oneOf ? follow(schema.oneOf[0], api) : schema;
    box.append(make("h2", "", "Body"), table(fields(one, {...api, ...one})));
    curl += ` -H 'content-type: application/json' -d '${JSON.stringify(example(one, {...api, ...one}))}'`;
  }
  box.append(make("pre", "", curl));
  const response = told.responses["200"] && told.responses["200"].content;
  const answered = response && follow(response["application/json"].schema, api);
  if (answered && answered.properties) box.append(make("h2", "", "Answer"), table(fields(answered, api)));
  return box;
}

async function show() {
  const api = await (await fetch("/openapi.json")).json();
  at("about").textContent = `${api.info.title} ${api.info.version}: ${api.info.summary}`;
  for (const [path, methods] of Object.entries(api.paths))
    for (const [method, told] of Object.entries(methods)) at("calls").append(call(path, method, told, api));
}

show().catch(error => { at("about").textContent = error.message; });
