<?php

// onWebChat handler in PHP: verifies HMAC-SHA256 over the raw body.
$body = file_get_contents('php://input');
$expected = hash_hmac('sha256', $body, (string) getenv('WEBHOOK_SECRET'));
if (!hash_equals($expected, $_SERVER['HTTP_X_OWC_SIGNATURE'] ?? '')) {
    http_response_code(401);
    exit('bad signature');
}
$payload = json_decode($body, true, flags: JSON_THROW_ON_ERROR);
if ($payload['event'] !== ($_SERVER['HTTP_X_OWC_EVENT'] ?? null) || ($_SERVER['HTTP_X_OWC_DELIVERY'] ?? '') === '') {
    http_response_code(400);
    exit('event header and body differ, or the delivery id is missing');
}
error_log($payload['event']);
echo 'OK';
