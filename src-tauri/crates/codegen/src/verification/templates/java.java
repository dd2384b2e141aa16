import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
{%- if public or kind == "ed25519" %}
import java.security.KeyFactory;
{%- endif %}
import java.security.MessageDigest;
{%- if public or kind == "ed25519" %}
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.X509EncodedKeySpec;
{%- endif %}
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
{%- if kind == "hmac" %}
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
{%- endif %}

public final class Webhook {
    /**
     * Verifies a webhook of {{ vendor }}. The headers have their names in lower case; the body is
     * the exact bytes that arrived, before any parser.
{%- if url %} The url is the whole URL as it is
     * registered with the sender.{% endif %}
{%- if public %}
     * The secret is the vendor's public key, in PEM or base64.{% endif %}
     */
    public static boolean verify(Map<String, String> headers, byte[] body, String secret{% if url %}, String url{% endif %}{% if path %}, String path{% endif %}{% if method %}, String method{% endif %}{% if params %}, Map<String, String> params{% endif %}{% if check %}, Instant now{% endif %}) {
        try {
            for (String value : Arrays.asList({{ places|join(", ") }})) {
                if (value == null) continue;
{%- if split %}
                List<String> signatures = new ArrayList<>();
                List<String> items = new ArrayList<>();
                Map<String, String> fields = new HashMap<>();
                for (String part : value.split("[{{ split_class }}]")) {
                    String item = part.trim();
                    if (item.isEmpty()) continue;
                    items.add(item);
{%- if prefix %}
                    if (item.startsWith({{ prefix|literal }})) {
                        signatures.add(item.substring({{ prefix_length }}));
                        continue;
                    }
{%- else %}
                    signatures.add(item);
{%- endif %}
                    int at = item.indexOf('=');
                    if (at > 0) fields.putIfAbsent(item.substring(0, at), item.substring(at + 1));
                }
{%- elif prefix %}
                if (!value.startsWith({{ prefix|literal }})) continue;
                List<String> signatures = List.of(value.substring({{ prefix_length }}));
{%- else %}
                List<String> signatures = List.of(value);
{%- endif %}
{%- if check %}
                Instant signedAt = {{ check.expression }};
{%- if check.past_ms %}
                if (now.toEpochMilli() - signedAt.toEpochMilli() > {{ check.past_ms }}L) continue;
{%- endif %}
{%- if check.future_ms %}
                if (signedAt.toEpochMilli() - now.toEpochMilli() > {{ check.future_ms }}L) continue;
{%- endif %}
{%- endif %}
                ByteArrayOutputStream content = new ByteArrayOutputStream();
{%- for part in pieces %}
                content.write({{ part }});
{%- endfor %}
{%- if public or kind == "ed25519" %}
{%- if public %}
                byte[] spki = {{ key }};
{%- else %}
                // What RFC 8410 puts before the bytes of an Ed25519 key.
                ByteArrayOutputStream head = new ByteArrayOutputStream();
                head.write(HexFormat.of().parseHex("302a300506032b6570032100"));
                head.write({{ key }});
                byte[] spki = head.toByteArray();
{%- endif %}
                PublicKey key = KeyFactory.getInstance("{% if kind == "rsa" %}RSA{% elif kind == "ecdsa" %}EC{% else %}Ed25519{% endif %}").generatePublic(new X509EncodedKeySpec(spki));
                for (String signature : signatures) {
                    try {
                        byte[] found = {{ found }};
                        Signature holds = Signature.getInstance("{% if kind == "rsa" %}{{ hash }}withRSA{% elif kind == "ecdsa" %}{{ hash }}withECDSA{% else %}Ed25519{% endif %}");
                        holds.initVerify(key);
                        holds.update(content.toByteArray());
                        if (holds.verify(found)) return true;
                    } catch (IllegalArgumentException | SignatureException notEncoded) {
                        // The next one may be.
                    }
                }
{%- else %}
{%- if kind == "token" %}
                byte[] expected = content.toByteArray();
{%- elif kind == "hash" %}
                byte[] expected = MessageDigest.getInstance("{{ hash }}").digest(content.toByteArray());
{%- else %}
                byte[] key = {{ key }};
                Mac mac = Mac.getInstance("Hmac{{ hash }}");
                mac.init(new SecretKeySpec(key, "RAW"));
                byte[] expected = mac.doFinal(content.toByteArray());
{%- endif %}
                for (String signature : signatures) {
                    try {
                        byte[] found = {{ found }};
                        if (MessageDigest.isEqual(found, expected)) return true;
                    } catch (IllegalArgumentException notEncoded) {
                        // The next one may be.
                    }
                }
{%- endif %}
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
