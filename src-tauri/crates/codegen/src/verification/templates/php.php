<?php

/**
 * Verifies a webhook of {{ vendor }}. $headers has its names in lower case; $body is the exact
 * bytes that arrived: file_get_contents('php://input').
{%- if url %}
 * $url is the whole URL as it is registered with the sender.
{%- endif %}
{%- if public %}
 * $secret is the vendor's public key, in PEM or base64.
{%- endif %}
 */
function verify(array $headers, string $body, string $secret{% if url %}, string $url{% endif %}{% if path %}, string $path{% endif %}{% if method %}, string $method{% endif %}{% if params %}, array $params{% endif %}{% if check %}, ?float $now = null{% endif %}): bool
{
{%- if json %}
    $json = json_decode($body, true);
    if (!is_array($json)) {
        return false;
    }
{%- endif %}
    $values = array_filter([{{ places|join(", ") }}], fn ($value) => $value !== null);
    foreach ($values as $value) {
        $value = (string) $value;
{%- if split %}
        $items = array_map('trim', preg_split('/[{{ split_class }}]/', $value));
{%- if prefix %}
        $signatures = array_map(fn ($item) => substr($item, {{ prefix_length }}), array_filter($items, fn ($item) => str_starts_with($item, {{ prefix|literal }})));
{%- else %}
        $signatures = $items;
{%- endif %}
{%- if item %}
        $fields = [];
        foreach (array_reverse($items) as $item) {
            [$name, $text] = explode('=', $item, 2) + [1 => ''];
            $fields[$name] = $text;
        }
{%- endif %}
{%- elif prefix %}
        if (!str_starts_with($value, {{ prefix|literal }})) {
            continue;
        }
        $signatures = [substr($value, {{ prefix_length }})];
{%- else %}
        $signatures = [$value];
{%- endif %}
{%- if needed %}
        foreach ([{{ needed|join(", ") }}] as $part) {
            if ($part === null) {
                continue 2;
            }
        }
{%- endif %}
{%- if check %}
        $signedAt = {{ check.expression }};
        if ($signedAt === null || $signedAt === false) {
            continue;
        }
        $current = $now ?? microtime(true);
{%- if check.past_ms %}
        if ($current - $signedAt > {{ check.past_s }}) {
            continue;
        }
{%- endif %}
{%- if check.future_ms %}
        if ($signedAt - $current > {{ check.future_s }}) {
            continue;
        }
{%- endif %}
{%- endif %}
        $content = {{ pieces|join(" . ") }};
{%- if public %}
        $base64 = {{ key }};
        $key = openssl_pkey_get_public("-----BEGIN PUBLIC KEY-----\n" . chunk_split($base64, 64, "\n") . "-----END PUBLIC KEY-----\n");
        foreach ($signatures as $signature) {
            $found = {{ found }};
            if ($key !== false && is_string($found) && openssl_verify($content, $found, $key, '{{ hash }}') === 1) {
                return true;
            }
        }
{%- elif kind == "ed25519" %}
        $key = (string) {{ key }};
        foreach ($signatures as $signature) {
            $found = {{ found }};
            if (is_string($found) && strlen($found) === SODIUM_CRYPTO_SIGN_BYTES && strlen($key) === SODIUM_CRYPTO_SIGN_PUBLICKEYBYTES && sodium_crypto_sign_verify_detached($found, $content, $key)) {
                return true;
            }
        }
{%- else %}
{%- if kind == "token" %}
        $expected = $content;
{%- elif kind == "hash" %}
        $expected = hash('{{ hash }}', $content, true);
{%- else %}
        $key = {{ key }};
        $expected = hash_hmac('{{ hash }}', $content, $key, true);
{%- endif %}
        foreach ($signatures as $signature) {
            $found = {{ found }};
            if (is_string($found) && hash_equals($expected, $found)) {
                return true;
            }
        }
{%- endif %}
    }
    return false;
}
