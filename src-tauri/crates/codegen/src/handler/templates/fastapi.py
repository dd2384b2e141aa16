{# Handler with FastAPI.
   The first part is the code of a field of the request, which is `None` if the field is absent. #}
{% if part is defined %}
{%   if part.type == "header" %}request.headers.get({{ part.name|lower|literal }})
{%   elif part.type == "json" %}field(payload, {{ part.steps|map("literal")|join(", ") }})
{%   elif part.type == "joined" %}joined({{ part.values|map("code")|join(", ") }})
{%   endif %}
{% else %}
# Receives webhooks from {{ vendor|comment }} with FastAPI. Save as webhook.py:
#
#   pip install fastapi uvicorn
#   {% if verify %}WEBHOOK_SECRET=… {% endif %}{% if "url" in arguments %}WEBHOOK_URL=https://… {% endif %}{% for param in params %}{{ param|variable }}=… {% endfor %}uvicorn webhook:app --port 3000
{% if handshakes %}
#
# {{ vendor|comment }} expects a handshake ({{ handshakes|join(", ")|comment }}), which this code does not implement.
{% endif %}
{% for trap in traps %}
#
# Note: {{ trap|comment }}
{% endfor %}
import json
import logging
{% if verify %}
import os
{% endif %}

from fastapi import BackgroundTasks, FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse

{% if verify %}
{{ verify }}


{% endif %}
app = FastAPI()
{% if verify %}

# With an empty secret, anyone can sign, so the start fails.
SECRET = os.environ["WEBHOOK_SECRET"]
if not SECRET:
    raise SystemExit("Set WEBHOOK_SECRET to the signing secret.")
{% endif %}
{% if event_id %}

# Duplicates are detected until the next restart. Store ids in a table with a unique key to detect all duplicates.
seen = set()
{% endif %}


def field(value, *path):
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


{% if joins %}
def joined(*values):
    """Joins values. Returns None if a value is absent."""
    return None if None in values else ".".join(map(str, values))


{% endif %}
@app.post("/webhook")
async def webhook(request: Request, tasks: BackgroundTasks):
    # Use the raw body{% if verify %}: the signature covers the exact bytes, before any parsing{% endif %}.
    body = await request.body()
{% if verify %}
    genuine = verify(
        headers=dict(request.headers),
        body=body,
        secret=SECRET,
{% if "url" in arguments %}
        url=os.environ.get("WEBHOOK_URL", ""),
{% endif %}
{% if "path" in arguments %}
        path=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
{% endif %}
{% if "method" in arguments %}
        method=request.method,
{% endif %}
{% if params %}
        params={ {%- for param in params %}{{ param|literal }}: os.environ.get({{ param|variable|literal }}, ""){% if not loop.last %}, {% endif %}{% endfor -%} },
{% endif %}
    )
    if not genuine:
        raise HTTPException(401, "Invalid signature.")
{% endif %}
    try:
        payload = json.loads(body)
    except ValueError:
        raise HTTPException(400, "The body is not valid JSON.")
{% if event_id %}
    event_id = {{ event_id|code }}
    if event_id is None or event_id not in seen:
        seen.add(event_id)
        tasks.add_task(handle, {% if event_type %}{{ event_type|code }}{% else %}None{% endif %}, payload)
{% else %}
    tasks.add_task(handle, {% if event_type %}{{ event_type|code }}{% else %}None{% endif %}, payload)
{% endif %}
    # The work runs after the response: a sender waits only a few seconds and then retries.
    return PlainTextResponse("OK")


def handle(event_type, payload):
    print(event_type, json.dumps(payload), flush=True)
    try:
{% for event in events %}
        {{ "if" if loop.first else "elif" }} event_type == {{ event.kind|literal }}:  # {{ event.about|comment }}
            pass
{% endfor %}
{% if not events %}
        pass
{% endif %}
        # Ignore unknown event types.
    except Exception:
        logging.exception("the webhook handler failed")
{% endif %}
