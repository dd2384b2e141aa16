{# PHP 8 with its bundled extensions.
   The first part is the code of one part of the message, which is `null` if the part is absent. #}
{% if part is defined %}
{%   set type = part.type %}
{%   if type == "header" %}({% for name in part.names %}$headers[{{ name|literal }}] ?? {% endfor %}null)
{%   elif type == "item" %}($fields[{{ part.name|literal }}] ?? null)
{%   elif type == "position" %}($items[{{ part.index }}] ?? null)
{%   elif type == "json" %}($json{% for step in part.steps %}[{{ step|literal }}]{% endfor %} ?? null)
{%   elif type == "param" %}$params[{{ part.name|literal }}]
{%   elif type == "text" %}{{ part.text|literal }}
{%   elif type == "body_sha256_hex" %}hash('sha256', $body)
{%   elif type == "secret_base64" %}base64_encode($secret)
{%   elif type == "value" %}{{ part.value|code }}
{%   elif type == "time_s" %}filter_var({{ part.value|code }}, FILTER_VALIDATE_INT)
{%   elif type == "time_ms" %}{% set text = part.value|code %}is_numeric({{ text }}) ? {{ text }} / 1000 : null
{%   elif type == "time_iso" %}(date_create({{ part.value|code }}, new DateTimeZone('UTC')) ?: null)?->format('U.u')
{%   elif type == "key_text" %}$secret
{%   elif type == "key_base64" %}base64_decode($secret)
{%   elif type == "key_prefixed" %}base64_decode(preg_replace('/^wh(sec|sk|pk)_/', '', $secret))
{%   elif type == "key_hex" %}hex2bin($secret)
{%   elif type == "key_pem" %}preg_replace('/-----[^-]+-----|\s/', '', $secret)
{%   elif type == "signature_text" %}$signature
{%   elif type == "signature_hex" %}ctype_xdigit($signature) && strlen($signature) % 2 === 0 ? hex2bin($signature) : false
{%   elif type == "signature_base64" %}base64_decode($signature, true)
{%   elif type == "signature_base64url" %}base64_decode(strtr($signature, '-_', '+/'), true)
{%   elif type == "signature_base64_of_hex" %}@hex2bin((string) base64_decode($signature, true))
{%   elif type in ["body", "url", "path", "method", "secret"] %}${{ type }}
{%   endif %}
{% else %}
<?php

/**
 * Verifies a webhook from {{ vendor|comment }}. The names in $headers must be in lower case. $body must be
 * the exact bytes received: file_get_contents('php://input').
{% if uses("url") %}
 * $url is the full URL as registered with the sender.
{% endif %}
{% if spki %}
 * $secret is the vendor's public key, in PEM or base64.
{% endif %}
 */
function verify(array $headers, string $body, string $secret{% for name in arguments %}, {% if name == "params" %}array{% else %}string{% endif %} ${{ name }}{% endfor %}{% if timestamp %}, ?float $now = null{% endif %}): bool
{
{% if uses("json") %}
    $json = json_decode($body, true);
    if (!is_array($json)) {
        return false;
    }
{% endif %}
    $values = array_filter([{{ places|map("optional")|join(", ") }}], fn ($value) => $value !== null);
    foreach ($values as $value) {
        $value = (string) $value;
{% if split %}
        $items = array_map('trim', preg_split('/[{{ split|regex_class }}]/', $value));
{% if prefix %}
        $signatures = array_map(fn ($item) => substr($item, {{ prefix|length }}), array_filter($items, fn ($item) => str_starts_with($item, {{ prefix|literal }})));
{% else %}
        $signatures = $items;
{% endif %}
{% if uses("item") %}
        $fields = [];
        foreach (array_reverse($items) as $item) {
            [$name, $text] = explode('=', $item, 2) + [1 => ''];
            $fields[$name] = $text;
        }
{% endif %}
{% elif prefix %}
        if (!str_starts_with($value, {{ prefix|literal }})) {
            continue;
        }
        $signatures = [substr($value, {{ prefix|length }})];
{% else %}
        $signatures = [$value];
{% endif %}
{% if needed %}
        foreach ([{{ needed|map("optional")|join(", ") }}] as $part) {
            if ($part === null) {
                continue 2;
            }
        }
{% endif %}
{% if timestamp %}
        $signedAt = {{ timestamp|code }};
        if ($signedAt === null || $signedAt === false) {
            continue;
        }
        $current = $now ?? microtime(true);
{% if timestamp.past_s %}
        if ($current - $signedAt > {{ timestamp.past_s }}) {
            continue;
        }
{% endif %}
{% if timestamp.future_s %}
        if ($signedAt - $current > {{ timestamp.future_s }}) {
            continue;
        }
{% endif %}
{% endif %}
        $content = {{ content|map("code")|join(" . ") }};
{% if spki %}
        $base64 = {{ key|code }};
        $key = openssl_pkey_get_public("-----BEGIN PUBLIC KEY-----\n" . chunk_split($base64, 64, "\n") . "-----END PUBLIC KEY-----\n");
        foreach ($signatures as $signature) {
            $found = {{ signature|code }};
            if ($key !== false && is_string($found) && openssl_verify($content, $found, $key, '{{ hash }}') === 1) {
                return true;
            }
        }
{% elif kind == "ed25519" %}
        $key = (string) {{ key|code }};
        foreach ($signatures as $signature) {
            $found = {{ signature|code }};
            if (is_string($found) && strlen($found) === SODIUM_CRYPTO_SIGN_BYTES && strlen($key) === SODIUM_CRYPTO_SIGN_PUBLICKEYBYTES && sodium_crypto_sign_verify_detached($found, $content, $key)) {
                return true;
            }
        }
{% else %}
{% if kind == "token" %}
        $expected = $content;
{% elif kind == "hash" %}
        $expected = hash('{{ hash }}', $content, true);
{% else %}
        $key = {{ key|code }};
        $expected = hash_hmac('{{ hash }}', $content, $key, true);
{% endif %}
        foreach ($signatures as $signature) {
            $found = {{ signature|code }};
            if (is_string($found) && hash_equals($expected, $found)) {
                return true;
            }
        }
{% endif %}
    }
    return false;
}
{% endif %}
