{# Handler with Express.
   The first part is the code of a field of the request, which is `undefined` if the field is absent. #}
{% if part is defined %}
{%   if part.type == "header" %}request.headers[{{ part.name|lower|literal }}]
{%   elif part.type == "json" %}payload{% for step in part.steps %}?.[{{ step|literal }}]{% endfor %}
{%   elif part.type == "joined" %}joined({{ part.values|map("code")|join(", ") }})
{%   endif %}
{% else %}
// Receives webhooks from {{ vendor|comment }} with Express:
//
//   npm install express
//   {% if verify %}WEBHOOK_SECRET=… {% endif %}{% if "url" in arguments %}WEBHOOK_URL=https://… {% endif %}{% for param in params %}{{ param|variable }}=… {% endfor %}node webhook.mjs
{% if handshakes %}
//
// {{ vendor|comment }} expects a handshake ({{ handshakes|join(", ")|comment }}), which this code does not implement.
{% endif %}
{% for trap in traps %}
//
// Note: {{ trap|comment }}
{% endfor %}
import express from "express";
{% if verify %}
{{ verify }}

// With an empty secret, anyone can sign.
const secret = process.env.WEBHOOK_SECRET;
if (!secret) throw new Error("Set WEBHOOK_SECRET to the signing secret.");

{% endif %}
const app = express();
{% if event_id %}

// Duplicates are detected until the next restart. Store ids in a table with a unique key to detect all duplicates.
const seen = new Set();
{% endif %}

{% if joins %}
/** Joins values. Returns undefined if a value is absent. */
const joined = (...values) => (values.includes(undefined) ? undefined : values.join("."));

{% endif %}
// Use the raw body{% if verify %}: the signature covers the exact bytes, before any parsing{% endif %}.
app.post("/webhook", express.raw({ type: () => true, limit: "10mb" }), (request, response) => {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
{% if verify %}
  const genuine = verify({
    headers: request.headers,
    body,
    secret,
{% if "url" in arguments %}
    url: process.env.WEBHOOK_URL ?? "",
{% endif %}
{% if "path" in arguments %}
    path: request.originalUrl,
{% endif %}
{% if "method" in arguments %}
    method: request.method,
{% endif %}
{% if params %}
    params: { {%- for param in params %} {{ param|literal }}: process.env.{{ param|variable }} ?? ""{% if not loop.last %},{% endif %}{% endfor %} },
{% endif %}
  });
  if (!genuine) return response.status(401).type("text").send("Invalid signature.");
{% endif %}
  let payload;
  try {
    payload = JSON.parse(body);
  } catch {
    return response.status(400).type("text").send("The body is not valid JSON.");
  }
  // Respond before the work: a sender waits only a few seconds and then retries.
  response.status(200).type("text").send("OK");
{% if event_id %}
  const id = {{ event_id|code }};
  if (id !== undefined && seen.has(id)) return;
  seen.add(id);
{% endif %}
  setImmediate(() => {
    try {
      handle({% if event_type %}{{ event_type|code }}{% else %}undefined{% endif %}, payload);
    } catch (error) {
      console.error(error);
    }
  });
});

// Respond without a stack trace to an unreadable request, such as one with a body over the limit.
app.use((error, request, response, next) => {
  if (response.headersSent) return next(error);
  response.status(error.status ?? 500).type("text").send("The request cannot be read.");
});

function handle(type, payload) {
  console.log(type, JSON.stringify(payload));
{% if events %}
  switch (type) {
{% for event in events %}
    case {{ event.kind|literal }}: // {{ event.about|comment }}
      break;
{% endfor %}
    default: // Ignore unknown event types.
  }
{% endif %}
}

const server = app.listen(Number(process.env.PORT ?? 3000), () => console.log(`listening on ${server.address().port}`));
{% endif %}
