{# Ruby with its standard library.
   The first part is the code of one part of the message. It raises an exception if the part is absent, or is `nil` if
   `optional`. #}
{% if part is defined %}
{%   set type = part.type %}
{%   if type == "header" %}{% if optional %}headers[{{ part.names|map("literal")|join("] || headers[") }}]{% else %}({% for name in part.names %}{% if loop.last %}headers.fetch({{ name|literal }}){% else %}headers[{{ name|literal }}] || {% endif %}{% endfor %}){% endif %}
{%   elif type == "item" %}fields.fetch({{ part.name|literal }})
{%   elif type == "position" %}items.fetch({{ part.index }})
{%   elif type == "json" %}json.dig({{ part.steps|map("literal")|join(", ") }})
{%   elif type == "param" %}params.fetch({{ part.name|literal }})
{%   elif type == "text" %}{{ part.text|literal }}
{%   elif type == "body_sha256_hex" %}OpenSSL::Digest.hexdigest("SHA256", body)
{%   elif type == "secret_base64" %}Base64.strict_encode64(secret)
{%   elif type == "value" %}{{ part.value|code }}.to_s
{%   elif type == "time_s" %}Integer({{ part.value|code }}.to_s, 10)
{%   elif type == "time_ms" %}Integer({{ part.value|code }}.to_s, 10) / 1000.0
{%   elif type == "time_iso" %}{% set text = part.value|code %}Time.parse({{ text }}.match?(/(Z|[+-]\d\d:?\d\d)\z/) ? {{ text }} : "#{{ "{" }}{{ text }}}Z").to_f
{%   elif type == "key_text" %}secret
{%   elif type == "key_base64" %}Base64.decode64(secret)
{%   elif type == "key_prefixed" %}Base64.decode64(secret.sub(/\Awh(sec|sk|pk)_/, ""))
{%   elif type == "key_hex" %}[secret].pack("H*")
{%   elif type == "key_pem" %}Base64.decode64(secret.gsub(/-----[^-]+-----/, ""))
{%   elif type == "signature_text" %}signature.b
{%   elif type == "signature_hex" %}[signature].pack("H*")
{%   elif type == "signature_base64" %}Base64.decode64(signature)
{%   elif type == "signature_base64url" %}Base64.urlsafe_decode64(signature)
{%   elif type == "signature_base64_of_hex" %}[Base64.decode64(signature)].pack("H*")
{%   elif type in ["body", "url", "path", "method", "secret"] %}{{ type }}
{%   endif %}
{% else %}
require "base64"
{% if uses("json") %}
require "json"
{% endif %}
require "openssl"
{% if uses("time_iso") %}
require "time"
{% endif %}

# Verifies a webhook from {{ vendor|comment }}. The names in `headers` must be in lower case. `body` must be
# the exact bytes received, before any parsing.
{% if uses("url") %}
# `url` is the full URL as registered with the sender.
{% endif %}
{% if spki %}
# `secret` is the vendor's public key, in PEM or base64.
{% endif %}
def verify(headers:, body:, secret:{% for name in arguments %}, {{ name }}:{% endfor %}{% if timestamp %}, now: Time.now.to_f{% endif %})
{% if uses("json") %}
  json = JSON.parse(body)
{% endif %}
  [{{ places|map("optional")|join(", ") }}].compact.map(&:to_s).any? do |value|
{% if split %}
    items = value.split(/[{{ split|regex_class }}]/).map(&:strip)
    signatures = items{% if prefix %}.select { |item| item.start_with?({{ prefix|literal }}) }.map { |item| item[{{ prefix|length }}..] }{% endif +%}
{% if uses("item") %}
    fields = items.reverse.map { |item| item.split("=", 2) }.select { |pair| pair.size == 2 }.to_h
{% endif %}
{% elif prefix %}
    next false unless value.start_with?({{ prefix|literal }})

    signatures = [value[{{ prefix|length }}..]]
{% else %}
    signatures = [value]
{% endif %}
{% if timestamp %}
    signed_at = {{ timestamp|code }}
{% if timestamp.past_s %}
    next false if now - signed_at > {{ timestamp.past_s }}
{% endif %}
{% if timestamp.future_s %}
    next false if signed_at - now > {{ timestamp.future_s }}
{% endif %}
{% endif %}
    content = [{{ content|map("code")|join(", ") }}].map(&:b).join
{% if asymmetric %}
{% if spki %}
    key = OpenSSL::PKey.read({{ key|code }})
{% else %}
    # ASN.1 prefix of an Ed25519 public key (RFC 8410).
    key = OpenSSL::PKey.read(["302a300506032b6570032100"].pack("H*") + {{ key|code }})
{% endif %}
    signatures.any? do |signature|
      key.verify({% if spki %}"{{ hash|upper }}"{% else %}nil{% endif %}, {{ signature|code }}, content)
    rescue OpenSSL::PKey::PKeyError
      false
    end
  end
rescue KeyError, ArgumentError, TypeError, NoMethodError, OpenSSL::PKey::PKeyError{% if uses("json") %}, JSON::ParserError{% endif +%}
  false
end
{% else %}
{% if kind == "token" %}
    expected = content
{% elif kind == "hash" %}
    expected = OpenSSL::Digest.digest("{{ hash|upper }}", content)
{% else %}
    key = {{ key|code }}
    expected = OpenSSL::HMAC.digest("{{ hash|upper }}", key, content)
{% endif %}
    signatures.any? do |signature|
      found = {{ signature|code }}
      OpenSSL.secure_compare(found, expected)
    end
  end
rescue KeyError, ArgumentError, TypeError, NoMethodError{% if uses("json") %}, JSON::ParserError{% endif +%}
  false
end
{% endif %}
{% endif %}
