{# Python 3 with its standard library, and the package `cryptography` for public keys.
   The first part is the code of one part of the message. It raises an exception if the part is absent, or is `None`
   if `optional`. #}
{% if part is defined %}
{%   set type = part.type %}
{%   if type == "header" %}{% if optional %}headers.get({{ part.names|map("literal")|join(") or headers.get(") }}){% else %}({% for name in part.names %}{% if loop.last %}headers[{{ name|literal }}]{% else %}headers.get({{ name|literal }}) or {% endif %}{% endfor %}){% endif %}
{%   elif type == "item" %}fields[{{ part.name|literal }}]
{%   elif type == "position" %}items[{{ part.index }}]
{%   elif type == "json" %}document{% for step in part.steps %}[{{ step|literal }}]{% endfor %}
{%   elif type == "param" %}params[{{ part.name|literal }}]
{%   elif type == "text" %}b{{ part.text|literal }}
{%   elif type == "body_sha256_hex" %}hashlib.sha256(body).hexdigest().encode()
{%   elif type == "secret_base64" %}base64.b64encode(secret.encode())
{%   elif type == "value" %}str({{ part.value|code }}).encode()
{%   elif type == "time_s" %}int({{ part.value|code }})
{%   elif type == "time_ms" %}int({{ part.value|code }}) / 1000
{%   elif type == "time_iso" %}{# Before 3.11, `fromisoformat` accepts neither a Z nor more than six fractional digits. #}(lambda at: at if at.tzinfo else at.replace(tzinfo=timezone.utc))(datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", {{ part.value|code }}).replace("Z", "+00:00"))).timestamp()
{%   elif type == "key_text" %}secret.encode()
{%   elif type == "key_base64" %}base64.b64decode(secret)
{%   elif type == "key_prefixed" %}base64.b64decode(re.sub("^wh(sec|sk|pk)_", "", secret))
{%   elif type == "key_hex" %}bytes.fromhex(secret)
{%   elif type == "key_pem" %}base64.b64decode(re.sub(r"-----[^-]+-----|\s", "", secret))
{%   elif type == "signature_text" %}signature.encode()
{%   elif type == "signature_hex" %}bytes.fromhex(signature)
{%   elif type == "signature_base64" %}base64.b64decode(signature)
{%   elif type == "signature_base64url" %}base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
{%   elif type == "signature_base64_of_hex" %}bytes.fromhex(base64.b64decode(signature).decode())
{%   elif type in ["body", "url", "path", "method", "secret"] %}{{ type }}
{%   endif %}
{% else %}
{% if uses("key_base64", "key_prefixed", "secret_base64", "signature_base64", "signature_base64url", "signature_base64_of_hex") %}
import base64
{% endif %}
{% if kind in ["hmac", "hash"] or uses("body_sha256_hex") %}
import hashlib
{% endif %}
{% if not asymmetric %}
import hmac
{% endif %}
{% if uses("json") %}
import json
{% endif %}
{% if split or spki or uses("key_prefixed", "time_iso") %}
import re
{% endif %}
{% if timestamp %}
import time
{% endif %}
{% if uses("time_iso") %}
from datetime import datetime, timezone
{% endif %}
{% if asymmetric %}
from cryptography.exceptions import InvalidSignature
{% endif %}
{% if spki %}
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import {% if kind == "rsa" %}padding{% else %}ec{% endif +%}
from cryptography.hazmat.primitives.serialization import load_der_public_key
{% elif kind == "ed25519" %}
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
{% endif %}


def verify(headers, body, secret{% for name in arguments %}, {{ name }}{% endfor %}{% if timestamp %}, now=None{% endif %}):
    """Verifies a webhook from {{ vendor|comment }}. The names in `headers` must be in lower case. `body` must be
    the exact bytes received, before any parsing.{% if uses("url") %} `url` is the full URL as registered with
    the sender.{% endif %}{% if spki +%}
    `secret` is the vendor's public key, in PEM or base64.{% endif %}"""
    try:
{% if uses("json") %}
        document = json.loads(body)
{% endif %}
        values = [value for value in [{{ places|map("optional")|join(", ") }}] if value is not None]
        for value in map(str, values):
{% if split %}
            items = [item.strip() for item in re.split(r"[{{ split|regex_class }}]", value)]
            signatures = [item{% if prefix %}[{{ prefix|length }}:]{% endif %} for item in items{% if prefix %} if item.startswith({{ prefix|literal }}){% endif %}]
{% if uses("item") %}
            fields = dict(item.split("=", 1) for item in reversed(items) if "=" in item)
{% endif %}
{% elif prefix %}
            if not value.startswith({{ prefix|literal }}):
                continue
            signatures = [value[{{ prefix|length }}:]]
{% else %}
            signatures = [value]
{% endif %}
{% if timestamp %}
            signed_at = {{ timestamp|code }}
            current = time.time() if now is None else now
{% if timestamp.past_s %}
            if current - signed_at > {{ timestamp.past_s }}:
                continue
{% endif %}
{% if timestamp.future_s %}
            if signed_at - current > {{ timestamp.future_s }}:
                continue
{% endif %}
{% endif %}
            content = {{ content|map("code")|join(" + ") }}
{% if spki %}
            key = load_der_public_key({{ key|code }})
            for signature in signatures:
                try:
{% if kind == "rsa" %}
                    key.verify({{ signature|code }}, content, padding.PKCS1v15(), hashes.{{ hash|upper }}())
{% else %}
                    key.verify({{ signature|code }}, content, ec.ECDSA(hashes.{{ hash|upper }}()))
{% endif %}
                    return True
                except (InvalidSignature, ValueError):
                    continue
{% elif kind == "ed25519" %}
            key = Ed25519PublicKey.from_public_bytes({{ key|code }})
            for signature in signatures:
                try:
                    key.verify({{ signature|code }}, content)
                    return True
                except (InvalidSignature, ValueError):
                    continue
{% else %}
{% if kind == "token" %}
            expected = content
{% elif kind == "hash" %}
            expected = hashlib.{{ hash }}(content).digest()
{% else %}
            key = {{ key|code }}
            expected = hmac.new(key, content, hashlib.{{ hash }}).digest()
{% endif %}
            for signature in signatures:
                try:
                    found = {{ signature|code }}
                except ValueError:
                    continue
                if hmac.compare_digest(found, expected):
                    return True
{% endif %}
        return False
    except (KeyError, TypeError, ValueError, IndexError):
        return False
{% endif %}
