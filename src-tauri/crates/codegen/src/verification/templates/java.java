{# Java 17 with its standard library, which has no JSON parser, so schemes that read JSON have no sample.
   The first part is the code of one part of the message, which is `null` if the part is absent. #}
{% if part is defined %}
{%   set type = part.type %}
{%   if type == "header" %}{% for name in part.names %}{% if loop.last %}headers.get({{ name|literal }}{% else %}headers.getOrDefault({{ name|literal }}, {% endif %}{% endfor %}{% for name in part.names %}){% endfor %}
{%   elif type == "item" %}fields.get({{ part.name|literal }})
{%   elif type == "position" %}items.get({{ part.index }})
{%   elif type == "param" %}params.get({{ part.name|literal }})
{%   elif type == "text" %}bytes({{ part.text|literal }})
{%   elif type == "body_sha256_hex" %}bytes(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body)))
{%   elif type == "secret_base64" %}Base64.getEncoder().encode(bytes(secret))
{%   elif type == "value" %}bytes({{ part.value|code }})
{%   elif type == "time_s" %}Instant.ofEpochSecond(Long.parseLong({{ part.value|code }}))
{%   elif type == "time_ms" %}Instant.ofEpochMilli(Long.parseLong({{ part.value|code }}))
{%   elif type == "time_iso" %}{% set text = part.value|code %}Instant.parse({{ text }}.matches(".*(Z|[+-]\\d\\d:?\\d\\d)") ? {{ text }} : {{ text }} + "Z")
{%   elif type == "key_text" %}bytes(secret)
{%   elif type == "key_base64" %}Base64.getDecoder().decode(secret)
{%   elif type == "key_prefixed" %}Base64.getDecoder().decode(secret.replaceFirst("^wh(sec|sk|pk)_", ""))
{%   elif type == "key_hex" %}HexFormat.of().parseHex(secret)
{%   elif type == "key_pem" %}Base64.getMimeDecoder().decode(secret.replaceAll("-----[^-]+-----", ""))
{%   elif type == "signature_text" %}bytes(signature)
{%   elif type == "signature_hex" %}HexFormat.of().parseHex(signature)
{%   elif type == "signature_base64" %}Base64.getDecoder().decode(signature)
{%   elif type == "signature_base64url" %}Base64.getUrlDecoder().decode(signature)
{%   elif type == "signature_base64_of_hex" %}HexFormat.of().parseHex(new String(Base64.getDecoder().decode(signature), StandardCharsets.UTF_8))
{%   elif type in ["body", "url", "path", "method", "secret"] %}{{ type }}
{%   endif %}
{% else %}
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
{% if asymmetric %}
import java.security.KeyFactory;
{% endif %}
import java.security.MessageDigest;
{% if asymmetric %}
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.X509EncodedKeySpec;
{% endif %}
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
{% if kind == "hmac" %}
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
{% endif %}

public final class Webhook {
    /**
     * Verifies a webhook from {{ vendor|comment }}. The header names must be in lower case. The body must be
     * the exact bytes received, before any parsing.{% if uses("url") %} The url is the full URL as
     * registered with the sender.{% endif +%}
{% if spki %}
     * The secret is the vendor's public key, in PEM or base64.
{% endif %}
     */
    public static boolean verify(Map<String, String> headers, byte[] body, String secret{% for name in arguments %}, {% if name == "params" %}Map<String, String>{% else %}String{% endif %} {{ name }}{% endfor %}{% if timestamp %}, Instant now{% endif %}) {
        try {
            for (String value : Arrays.asList({{ places|map("optional")|join(", ") }})) {
                if (value == null) continue;
{% if split %}
                List<String> signatures = new ArrayList<>();
                List<String> items = new ArrayList<>();
                Map<String, String> fields = new HashMap<>();
                for (String part : value.split({{ ("[" ~ split|regex_class ~ "]")|literal }})) {
                    String item = part.trim();
                    if (item.isEmpty()) continue;
                    items.add(item);
{% if prefix %}
                    if (item.startsWith({{ prefix|literal }})) {
                        signatures.add(item.substring({{ prefix|length }}));
                        continue;
                    }
{% else %}
                    signatures.add(item);
{% endif %}
                    int at = item.indexOf('=');
                    if (at > 0) fields.putIfAbsent(item.substring(0, at), item.substring(at + 1));
                }
{% elif prefix %}
                if (!value.startsWith({{ prefix|literal }})) continue;
                List<String> signatures = List.of(value.substring({{ prefix|length }}));
{% else %}
                List<String> signatures = List.of(value);
{% endif %}
{% if timestamp %}
                Instant signedAt = {{ timestamp|code }};
{% if timestamp.past_s %}
                if (now.toEpochMilli() - signedAt.toEpochMilli() > {{ timestamp.past_s * 1000 }}L) continue;
{% endif %}
{% if timestamp.future_s %}
                if (signedAt.toEpochMilli() - now.toEpochMilli() > {{ timestamp.future_s * 1000 }}L) continue;
{% endif %}
{% endif %}
                ByteArrayOutputStream content = new ByteArrayOutputStream();
{% for part in content %}
                content.write({{ part|code }});
{% endfor %}
{% if asymmetric %}
{% if spki %}
                byte[] spki = {{ key|code }};
{% else %}
                // ASN.1 prefix of an Ed25519 public key (RFC 8410).
                ByteArrayOutputStream head = new ByteArrayOutputStream();
                head.write(HexFormat.of().parseHex("302a300506032b6570032100"));
                head.write({{ key|code }});
                byte[] spki = head.toByteArray();
{% endif %}
                PublicKey key = KeyFactory.getInstance("{% if kind == "rsa" %}RSA{% elif kind == "ecdsa" %}EC{% else %}Ed25519{% endif %}").generatePublic(new X509EncodedKeySpec(spki));
                for (String signature : signatures) {
                    try {
                        byte[] found = {{ signature|code }};
                        Signature holds = Signature.getInstance("{% if kind == "rsa" %}{{ hash|upper }}withRSA{% elif kind == "ecdsa" %}{{ hash|upper }}withECDSA{% else %}Ed25519{% endif %}");
                        holds.initVerify(key);
                        holds.update(content.toByteArray());
                        if (holds.verify(found)) return true;
                    } catch (IllegalArgumentException | SignatureException notEncoded) {
                        // The next signature may be valid.
                    }
                }
{% else %}
{% if kind == "token" %}
                byte[] expected = content.toByteArray();
{% elif kind == "hash" %}
                byte[] expected = MessageDigest.getInstance("{{ hash|upper }}").digest(content.toByteArray());
{% else %}
                byte[] key = {{ key|code }};
                Mac mac = Mac.getInstance("Hmac{{ hash|upper }}");
                mac.init(new SecretKeySpec(key, "RAW"));
                byte[] expected = mac.doFinal(content.toByteArray());
{% endif %}
                for (String signature : signatures) {
                    try {
                        byte[] found = {{ signature|code }};
                        if (MessageDigest.isEqual(found, expected)) return true;
                    } catch (IllegalArgumentException notEncoded) {
                        // The next signature may be valid.
                    }
                }
{% endif %}
            }
            return false;
        } catch (Exception malformed) {
            return false;
        }
    }

    private static byte[] bytes(String text) {
        return Objects.requireNonNull(text).getBytes(StandardCharsets.UTF_8);
    }
}
{% endif %}
