{# JavaScript for Node with only `node:crypto`.
   The first part is the code of one part of the message, which is `undefined` if the part is absent. #}
{% if part is defined %}
{%   set type = part.type %}
{%   if type == "header" %}headers[{{ part.names|map("literal")|join("] ?? headers[") }}]
{%   elif type == "item" %}field({{ part.name|literal }})
{%   elif type == "position" %}items[{{ part.index }}]
{%   elif type == "json" %}json{% for step in part.steps %}?.[{{ step|literal }}]{% endfor %}
{%   elif type == "param" %}params[{{ part.name|literal }}]
{%   elif type == "text" %}Buffer.from({{ part.text|literal }})
{%   elif type == "body_sha256_hex" %}Buffer.from(createHash("sha256").update(body).digest("hex"))
{%   elif type == "secret_base64" %}Buffer.from(Buffer.from(secret).toString("base64"))
{%   elif type == "value" %}Buffer.from(String({{ part.value|code }}))
{%   elif type == "time_s" %}Number({{ part.value|code }}) * 1000
{%   elif type == "time_ms" %}Number({{ part.value|code }})
{%   elif type == "time_iso" %}{% set text = part.value|code %}Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test({{ text }}) ? {{ text }} : `${{ "{" }}{{ text }}}Z`)
{%   elif type == "key_text" %}secret
{%   elif type == "key_base64" %}Buffer.from(secret, "base64")
{%   elif type == "key_prefixed" %}Buffer.from(secret.replace(/^wh(sec|sk|pk)_/, ""), "base64")
{%   elif type == "key_hex" %}Buffer.from(secret, "hex")
{%   elif type == "key_pem" %}Buffer.from(secret.replace(/-----[^-]+-----/g, ""), "base64")
{%   elif type == "signature_text" %}Buffer.from(signature)
{%   elif type == "signature_hex" %}Buffer.from(signature, "hex")
{%   elif type == "signature_base64" %}Buffer.from(signature, "base64")
{%   elif type == "signature_base64url" %}Buffer.from(signature, "base64url")
{%   elif type == "signature_base64_of_hex" %}Buffer.from(Buffer.from(signature, "base64").toString(), "hex")
{%   elif type in ["body", "url", "path", "method", "secret"] %}{{ type }}
{%   endif %}
{% else %}
import { {% if kind == "hash" or uses("body_sha256_hex") %}createHash, {% endif %}{% if kind == "hmac" %}createHmac, {% endif %}{% if asymmetric %}createPublicKey, verify as holds{% else %}timingSafeEqual{% endif %} } from "node:crypto";

/**
 * Verifies a webhook from {{ vendor|comment }}. The names in `headers` must be in lower case, as in Node.
 * `body` must be a Buffer with the exact bytes received, before any parsing.
{% if uses("url") %}
 * `url` is the full URL as registered with the sender.
{% endif %}
{% if spki %}
 * `secret` is the vendor's public key, in PEM or base64.
{% endif %}
 */
export function verify({ headers, body, secret{% for name in arguments %}, {{ name }}{% endfor %}{% if timestamp %}, now = Date.now(){% endif %} }) {
{% if uses("json") %}
  let json;
  try {
    json = JSON.parse(body);
  } catch {
    return false;
  }
{% endif %}
  const values = [{{ places|map("optional")|join(", ") }}].filter((value) => value !== undefined).map(String);
  return values.some((value) => {
{% if split %}
    const items = value.split(/[{{ split|regex_class }}]/).map((item) => item.trim());
    const signatures = items{% if prefix %}.filter((item) => item.startsWith({{ prefix|literal }})).map((item) => item.slice({{ prefix|length }})){% endif %};
{% if uses("item") %}
    const field = (name) => items.find((item) => item.startsWith(`${name}=`))?.slice(name.length + 1);
{% endif %}
{% elif prefix %}
    if (!value.startsWith({{ prefix|literal }})) return false;
    const signatures = [value.slice({{ prefix|length }})];
{% else %}
    const signatures = [value];
{% endif %}
{% if needed %}
    if ([{{ needed|map("optional")|join(", ") }}].includes(undefined)) return false;
{% endif %}
{% if timestamp %}
    const signedAt = {{ timestamp|code }};
    if (!Number.isFinite(signedAt)) return false;
{% if timestamp.past_s %}
    if (now - signedAt > {{ timestamp.past_s * 1000 }}) return false;
{% endif %}
{% if timestamp.future_s %}
    if (signedAt - now > {{ timestamp.future_s * 1000 }}) return false;
{% endif %}
{% endif %}
    const content = Buffer.concat([{{ content|map("code")|join(", ") }}]);
{% if spki %}
    const key = createPublicKey({ key: {{ key|code }}, format: "der", type: "spki" });
    return signatures.some((signature) => holds("{{ hash }}", content, key, {{ signature|code }}));
{% elif kind == "ed25519" %}
    const key = {{ key|code }};
    if (key.length !== 32) return false;
    // ASN.1 prefix of an Ed25519 public key (RFC 8410).
    const head = Buffer.from("302a300506032b6570032100", "hex");
    const publicKey = createPublicKey({ key: Buffer.concat([head, key]), format: "der", type: "spki" });
    return signatures.some((signature) => holds(null, content, publicKey, {{ signature|code }}));
{% else %}
{% if kind == "token" %}
    const expected = content;
{% elif kind == "hash" %}
    const expected = createHash("{{ hash }}").update(content).digest();
{% else %}
    const key = {{ key|code }};
    const expected = createHmac("{{ hash }}", key).update(content).digest();
{% endif %}
    return signatures.some((signature) => {
      const found = {{ signature|code }};
      return found.length === expected.length && timingSafeEqual(found, expected);
    });
{% endif %}
  });
}
{% endif %}
