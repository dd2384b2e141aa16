{# Handler in PHP without a framework.
   The first part is the code of a field of the request, which is `null` if the field is absent. #}
{% if part is defined %}
{%   if part.type == "header" %}($headers[{{ part.name|lower|literal }}] ?? null)
{%   elif part.type == "json" %}($payload{% for step in part.steps %}[{{ step|literal }}]{% endfor %} ?? null)
{%   elif part.type == "joined" %}joined({{ part.values|map("code")|join(", ") }})
{%   endif %}
{% else %}
<?php

// Receives webhooks from {{ vendor|comment }}:
//
//   {% if verify %}WEBHOOK_SECRET=… {% endif %}{% if "url" in arguments %}WEBHOOK_URL=https://… {% endif %}{% for param in params %}{{ param|variable }}=… {% endfor %}php -S 127.0.0.1:3000 webhook.php
{% if handshakes %}
//
// {{ vendor|comment }} expects a handshake ({{ handshakes|join(", ")|comment }}), which this code does not implement.
{% endif %}
{% for trap in traps %}
//
// Note: {{ trap|comment }}
{% endfor %}

{% if verify %}
{{ verify|replace("<?php\n\n", "") }}

{% endif %}
function handle(?string $type, mixed $payload): void
{
    error_log($type . ' ' . json_encode($payload));
{% if events %}
    switch ($type) {
{% for event in events %}
        case {{ event.kind|literal }}: // {{ event.about|comment }}
            break;
{% endfor %}
        default: // Ignore unknown event types.
    }
{% endif %}
}

{% if joins %}
/** Joins values. Returns null if a value is absent. */
function joined(mixed ...$values): ?string
{
    return in_array(null, $values, true) ? null : implode('.', $values);
}

{% endif %}
function respond(int $status, string $text): never
{
    http_response_code($status);
    header('Content-Type: text/plain');
    exit($text);
}

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    respond(405, 'Use POST.');
}
$headers = [];
foreach ($_SERVER as $name => $value) {
    if (str_starts_with($name, 'HTTP_')) {
        $headers[strtolower(strtr(substr($name, 5), '_', '-'))] = $value;
    }
}
// Use the raw body{% if verify %}: the signature covers the exact bytes, before any parsing{% endif %}.
$body = file_get_contents('php://input');
{% if verify %}
$secret = (string) getenv('WEBHOOK_SECRET');
if ($secret === '') {
    // With an empty secret, anyone can sign.
    error_log('Set WEBHOOK_SECRET to the signing secret.');
    respond(500, 'The handler is not configured.');
}
if (!verify($headers, $body, $secret{% if "url" in arguments %}, (string) getenv('WEBHOOK_URL'){% endif %}{% if "path" in arguments %}, $_SERVER['REQUEST_URI']{% endif %}{% if "method" in arguments %}, $_SERVER['REQUEST_METHOD']{% endif %}{% if params %}, [{% for param in params %}{{ param|literal }} => (string) getenv({{ param|variable|literal }}){% if not loop.last %}, {% endif %}{% endfor %}]{% endif %})) {
    respond(401, 'Invalid signature.');
}
{% endif %}
$payload = json_decode($body, true);
if ($payload === null && trim($body) !== 'null') {
    respond(400, 'The body is not valid JSON.');
}
{% if event_id %}
// Duplicates are detected with one file per id. Prefer a table with a unique key in production.
$id = {{ event_id|code }};
$folder = sys_get_temp_dir() . '/webhooks-' . {{ id|literal }} . '-' . get_current_user();
@mkdir($folder, 0700);
$mark = $folder . '/' . hash('sha256', (string) $id);
if ($id !== null && @fopen($mark, 'x') === false && is_file($mark)) {
    respond(200, 'OK');
}
{% endif %}
try {
    handle({% if event_type %}{{ event_type|code }}{% else %}null{% endif %}, $payload);
} catch (Throwable $error) {
{% if event_id %}
    // The handler failed, so the next attempt is not a duplicate.
    @unlink($mark);
{% endif %}
    error_log((string) $error);
    respond(500, 'The webhook handler failed.');
}
respond(200, 'OK');
{% endif %}
