{{ imports|join("\n") }}


def verify(headers, body, secret{% if url %}, url{% endif %}{% if path %}, path{% endif %}{% if method %}, method{% endif %}{% if params %}, params{% endif %}{% if check %}, now=None{% endif %}):
    """Verifies a webhook of {{ vendor }}. `headers` has its names in lower case; `body` is the
    exact bytes that arrived, before any parser.
{%- if url %} `url` is the whole URL as it is registered with
    the sender.{% endif %}{% if public %}
    `secret` is the vendor's public key, in PEM or base64.{% endif %}"""
    try:
{%- if json %}
        document = json.loads(body)
{%- endif %}
        values = [value for value in [{{ places|join(", ") }}] if value is not None]
        for value in map(str, values):
{%- if split %}
            items = [item.strip() for item in re.split(r"[{{ split_class }}]", value)]
            signatures = [item{% if prefix %}[{{ prefix_length }}:]{% endif %} for item in items{% if prefix %} if item.startswith({{ prefix|literal }}){% endif %}]
{%- if item %}
            fields = dict(item.split("=", 1) for item in reversed(items) if "=" in item)
{%- endif %}
{%- elif prefix %}
            if not value.startswith({{ prefix|literal }}):
                continue
            signatures = [value[{{ prefix_length }}:]]
{%- else %}
            signatures = [value]
{%- endif %}
{%- if check %}
            signed_at = {{ check.expression }}
            current = time.time() if now is None else now
{%- if check.past_ms %}
            if current - signed_at > {{ check.past_s }}:
                continue
{%- endif %}
{%- if check.future_ms %}
            if signed_at - current > {{ check.future_s }}:
                continue
{%- endif %}
{%- endif %}
            content = {{ pieces|join(" + ") }}
{%- if public %}
            key = load_der_public_key({{ key }})
            for signature in signatures:
                try:
{%- if kind == "rsa" %}
                    key.verify({{ found }}, content, padding.PKCS1v15(), hashes.{{ hash|upper }}())
{%- else %}
                    key.verify({{ found }}, content, ec.ECDSA(hashes.{{ hash|upper }}()))
{%- endif %}
                    return True
                except (InvalidSignature, ValueError):
                    continue
{%- elif kind == "ed25519" %}
            key = Ed25519PublicKey.from_public_bytes({{ key }})
            for signature in signatures:
                try:
                    key.verify({{ found }}, content)
                    return True
                except (InvalidSignature, ValueError):
                    continue
{%- else %}
{%- if kind == "token" %}
            expected = content
{%- elif kind == "hash" %}
            expected = hashlib.{{ hash }}(content).digest()
{%- else %}
            key = {{ key }}
            expected = hmac.new(key, content, hashlib.{{ hash }}).digest()
{%- endif %}
            for signature in signatures:
                try:
                    found = {{ found }}
                except ValueError:
                    continue
                if hmac.compare_digest(found, expected):
                    return True
{%- endif %}
        return False
    except (KeyError, TypeError, ValueError, IndexError):
        return False
