<?php
// Plain PHP handler for Standard Webhooks, correct unless FAULT names a fault. GET /effects returns the number of
// side effects. While the file BROKEN exists, the handler simulates an unavailable database.
$fault = getenv('FAULT') ?: '';
$secret = getenv('WEBHOOK_SECRET');
$store = getenv('STORE');

function answer(int $status, string $text = ''): void
{
    http_response_code($status);
    header('Content-Type: text/plain');
    exit($text);
}

$kept = fopen($store, 'c+');
flock($kept, LOCK_EX);
$done = json_decode(stream_get_contents($kept) ?: '[]', true);
if (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) === '/effects') {
    answer(200, (string) count($done));
}
if ($fault === 'redirect') {
    header('Location: /elsewhere');
    answer(308);
}
if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    answer(405);
}
$body = file_get_contents('php://input');
$header = function (string $name) use ($fault): string {
    if ($fault === 'case') {
        return getallheaders()[$name] ?? '';
    }
    return $_SERVER['HTTP_' . strtoupper(str_replace('-', '_', $name))] ?? '';
};
[$id, $time] = [$header('Webhook-Id'), $header('Webhook-Timestamp')];
if ($fault === 'slow') {
    usleep(1_500_000);
}
$signed = $body;
if ($fault === 'parsed' && json_decode($body) !== null) {
    $signed = json_encode(json_decode($body), JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
}
$key = base64_decode(substr($secret, strlen('whsec_')));
$due = base64_encode(hash_hmac('sha256', "$id.$time.$signed", $key, true));
$parts = explode(' ', $header('Webhook-Signature'));
$given = array_filter($fault === 'first' ? array_slice($parts, 0, 1) : $parts, fn ($part) => str_starts_with($part, 'v1,'));
$holds = (bool) array_filter($given, fn ($part) => hash_equals($due, substr($part, 3)));
if ($fault !== 'unverified' && !$holds) {
    answer(401);
}
if (!in_array($fault, ['expired-timestamp', 'unverified']) && (!ctype_digit($time) || abs(time() - (int) $time) > 300)) {
    answer(401);
}
$event = json_decode($body, true);
if (!is_array($event)) {
    answer($fault === 'trace' ? 500 : 400, $fault === 'trace' ? "Fatal error: Uncaught JsonException in " . __FILE__ . " on line 7\nStack trace:\n#0 {main}" : '');
}
if (($event['type'] ?? '') !== 'user.created') {
    answer(['unknown' => 500, 'gone' => 410][$fault] ?? 204);
}
if ($fault === 'strict' && array_diff(array_keys($event), ['type', 'timestamp', 'data'])) {
    answer(400);
}
if (getenv('BROKEN') && file_exists(getenv('BROKEN'))) {
    header('Retry-After: 5');
    answer($fault === 'swallow' ? 200 : 503);
}
if ($fault === 'silent') {
    answer(200);
}
if ($fault === 'leaky') {
    header("X-Debug: $secret");
}
if ($fault === 'twice') {
    $id = count($done) . "-$id";
}
$done[$id] = true;
rewind($kept);
ftruncate($kept, 0);
fwrite($kept, json_encode($done));
answer(200);
