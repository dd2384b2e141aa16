import { {{ imports|join(", ") }} } from "node:crypto";

/**
 * Verifies a webhook of {{ vendor }}. `headers` has its names in lower case, as Node gives them;
 * `body` is a Buffer with the exact bytes that arrived, before any parser.
{%- if url %}
 * `url` is the whole URL as it is registered with the sender.
{%- endif %}
{%- if public %}
 * `secret` is the vendor's public key, in PEM or base64.
{%- endif %}
 */
export function verify({ headers, body, secret{% if url %}, url{% endif %}{% if path %}, path{% endif %}{% if method %}, method{% endif %}{% if params %}, params{% endif %}{% if check %}, now = Date.now(){% endif %} }) {
{%- if json %}
  let json;
  try {
    json = JSON.parse(body);
  } catch {
    return false;
  }
{%- endif %}
  const values = [{{ places|join(", ") }}].filter((value) => value !== undefined).map(String);
  return values.some((value) => {
{%- if split %}
    const items = value.split(/[{{ split_class }}]/).map((item) => item.trim());
    const signatures = items{% if prefix %}.filter((item) => item.startsWith({{ prefix|literal }})).map((item) => item.slice({{ prefix_length }})){% endif %};
{%- if item %}
    const field = (name) => items.find((item) => item.startsWith(`${name}=`))?.slice(name.length + 1);
{%- endif %}
{%- elif prefix %}
    if (!value.startsWith({{ prefix|literal }})) return false;
    const signatures = [value.slice({{ prefix_length }})];
{%- else %}
    const signatures = [value];
{%- endif %}
{%- if needed %}
    if ([{{ needed|join(", ") }}].includes(undefined)) return false;
{%- endif %}
{%- if check %}
    const signedAt = {{ check.expression }};
    if (!Number.isFinite(signedAt)) return false;
{%- if check.past_ms %}
    if (now - signedAt > {{ check.past_ms }}) return false;
{%- endif %}
{%- if check.future_ms %}
    if (signedAt - now > {{ check.future_ms }}) return false;
{%- endif %}
{%- endif %}
    const content = Buffer.concat([{{ pieces|join(", ") }}]);
{%- if public %}
    const key = createPublicKey({ key: {{ key }}, format: "der", type: "spki" });
    return signatures.some((signature) => holds("{{ hash }}", content, key, {{ found }}));
{%- elif kind == "ed25519" %}
    const key = {{ key }};
    if (key.length !== 32) return false;
    // What RFC 8410 puts before the bytes of an Ed25519 key.
    const head = Buffer.from("302a300506032b6570032100", "hex");
    const publicKey = createPublicKey({ key: Buffer.concat([head, key]), format: "der", type: "spki" });
    return signatures.some((signature) => holds(null, content, publicKey, {{ found }}));
{%- else %}
{%- if kind == "token" %}
    const expected = content;
{%- elif kind == "hash" %}
    const expected = createHash("{{ hash }}").update(content).digest();
{%- else %}
    const key = {{ key }};
    const expected = createHmac("{{ hash }}", key).update(content).digest();
{%- endif %}
    return signatures.some((signature) => {
      const found = {{ found }};
      return found.length === expected.length && timingSafeEqual(found, expected);
    });
{%- endif %}
  });
}
