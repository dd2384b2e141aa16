{% for name in imports -%}
require "{{ name }}"
{% endfor %}
# Verifies a webhook of {{ vendor }}. `headers` has its names in lower case; `body` is the exact
# bytes that arrived, before any parser.
{%- if url %}
# `url` is the whole URL as it is registered with the sender.
{%- endif %}
{%- if public %}
# `secret` is the vendor's public key, in PEM or base64.
{%- endif %}
def verify(headers:, body:, secret:{% if url %}, url:{% endif %}{% if path %}, path:{% endif %}{% if method %}, method:{% endif %}{% if params %}, params:{% endif %}{% if check %}, now: Time.now.to_f{% endif %})
{%- if json %}
  json = JSON.parse(body)
{%- endif %}
  [{{ places|join(", ") }}].compact.map(&:to_s).any? do |value|
{%- if split %}
    items = value.split(/[{{ split_class }}]/).map(&:strip)
    signatures = items{% if prefix %}.select { |item| item.start_with?({{ prefix|literal }}) }.map { |item| item[{{ prefix_length }}..] }{% endif %}
{%- if item %}
    fields = items.reverse.map { |item| item.split("=", 2) }.select { |pair| pair.size == 2 }.to_h
{%- endif %}
{%- elif prefix %}
    next false unless value.start_with?({{ prefix|literal }})

    signatures = [value[{{ prefix_length }}..]]
{%- else %}
    signatures = [value]
{%- endif %}
{%- if check %}
    signed_at = {{ check.expression }}
{%- if check.past_ms %}
    next false if now - signed_at > {{ check.past_s }}
{%- endif %}
{%- if check.future_ms %}
    next false if signed_at - now > {{ check.future_s }}
{%- endif %}
{%- endif %}
    content = [{{ pieces|join(", ") }}].map(&:b).join
{%- if public or kind == "ed25519" %}
{%- if public %}
    key = OpenSSL::PKey.read({{ key }})
{%- else %}
    # What RFC 8410 puts before the bytes of an Ed25519 key.
    key = OpenSSL::PKey.read(["302a300506032b6570032100"].pack("H*") + {{ key }})
{%- endif %}
    signatures.any? do |signature|
      key.verify({% if public %}"{{ hash }}"{% else %}nil{% endif %}, {{ found }}, content)
    rescue OpenSSL::PKey::PKeyError
      false
    end
  end
rescue KeyError, ArgumentError, TypeError, NoMethodError, OpenSSL::PKey::PKeyError{% if json %}, JSON::ParserError{% endif %}
  false
end
{%- else %}
{%- if kind == "token" %}
    expected = content
{%- elif kind == "hash" %}
    expected = OpenSSL::Digest.digest("{{ hash }}", content)
{%- else %}
    key = {{ key }}
    expected = OpenSSL::HMAC.digest("{{ hash }}", key, content)
{%- endif %}
    signatures.any? do |signature|
      found = {{ found }}
      OpenSSL.secure_compare(found, expected)
    end
  end
rescue KeyError, ArgumentError, TypeError, NoMethodError{% if json %}, JSON::ParserError{% endif %}
  false
end
{%- endif %}
