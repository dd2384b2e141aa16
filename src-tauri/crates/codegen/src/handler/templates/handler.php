{# A handler in PHP without a framework.
   First the code of a field of the request, which is `null` where the field is absent. #}
{% if part is defined %}
{%   if part.type == "header" %}($headers[{{ part.name|lower|literal }}] ?? null)
{%   elif part.type == "json" %}($payload{% for step in part.steps %}[{{ step|literal }}]{% endfor %} ?? null)
{%   elif part.type == "joined" %}joined({{ part.values|map("code")|join(", ") }})
{%   endif %}
{% else %}
<?php

// Receives webhooks of {{ vendor|comment }}:
//
//   {% if verify %}WEBHOOK_SECRET=… {% endif %}{% if "url" in arguments %}WEBHOOK_URL=https://… {% endif %}{% for param in params %}{{ param|variable }}=… {% endfor %}php -S 127.0.0.1:3000 webhook.php
{% if handshakes %}
//
// Before it sends, {{ vendor|comment }} asks a question ({{ handshakes|join(", ")|comment }}), which is not answered here.
{% endif %}
{% for trap in traps %}
//
// Mind: {{ trap|comment }}
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
        default: // A type that is new is no fault.
    }
{% endif %}
}

{% if joins %}
/** Several values as one; none unless all of them are there. */
function joined(mixed ...$values): ?string
{
    return in_array(null, $values, true) ? null : implode('.', $values);
}

{% endif %}
function answer(int $status, string $text): never
{
    http_response_code($status);
    header('Content-Type: text/plain');
    exit($text);
}

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    answer(405, 'Webhooks come by POST.');
}
$headers = [];
foreach ($_SERVER as $name => $value) {
    if (str_starts_with($name, 'HTTP_')) {
        $headers[strtolower(strtr(substr($name, 5), '_', '-'))] = $value;
    }
}
// The bytes as they arrived{% if verify %}, which the signature covers, before any parser{% endif %}.
$body = file_get_contents('php://input');
{% if verify %}
$secret = (string) getenv('WEBHOOK_SECRET');
if ($secret === '') {
    // Without a secret anybody could sign.
    error_log('Set WEBHOOK_SECRET to the signing secret.');
    answer(500, 'This receiver is not set up.');
}
if (!verify($headers, $body, $secret{% if "url" in arguments %}, (string) getenv('WEBHOOK_URL'){% endif %}{% if "path" in arguments %}, $_SERVER['REQUEST_URI']{% endif %}{% if "method" in arguments %}, $_SERVER['REQUEST_METHOD']{% endif %}{% if params %}, [{% for param in params %}{{ param|literal }} => (string) getenv({{ param|variable|literal }}){% if not loop.last %}, {% endif %}{% endfor %}]{% endif %})) {
    answer(401, 'The signature does not hold.');
}
{% endif %}
$payload = json_decode($body, true);
if ($payload === null && trim($body) !== 'null') {
    answer(400, 'The body is no JSON.');
}
{% if event_id %}
// Repeats are recognised by a file for each id; a table with a unique key does better.
$id = {{ event_id|code }};
$folder = sys_get_temp_dir() . '/webhooks-' . {{ id|literal }} . '-' . get_current_user();
@mkdir($folder, 0700);
$mark = $folder . '/' . hash('sha256', (string) $id);
if ($id !== null && @fopen($mark, 'x') === false && is_file($mark)) {
    answer(200, 'OK');
}
{% endif %}
try {
    handle({% if event_type %}{{ event_type|code }}{% else %}null{% endif %}, $payload);
} catch (Throwable $error) {
{% if event_id %}
    // It was not handled: the sender's next attempt is no repeat.
    @unlink($mark);
{% endif %}
    error_log((string) $error);
    answer(500, 'It could not be handled.');
}
answer(200, 'OK');
{% endif %}
