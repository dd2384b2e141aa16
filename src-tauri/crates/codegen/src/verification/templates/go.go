{# Go with its standard library.
   The first part is the code of one part of the message, which is empty if the part is absent. Items of JSON lists and
   base64 of hexadecimal are too rare, so schemes with these have no sample. #}
{% if part is defined %}
{%   set type = part.type %}
{%   if type == "header" %}header({{ part.names|map("literal")|join(", ") }})
{%   elif type == "item" %}fields[{{ part.name|literal }}]
{%   elif type == "position" %}items[{{ part.index }}]
{%   elif type == "json" and not part.steps|select("integer") %}field({{ part.steps|map("literal")|join(", ") }})
{%   elif type == "param" %}params[{{ part.name|literal }}]
{%   elif type == "text" %}[]byte({{ part.text|literal }})
{%   elif type == "body_sha256_hex" %}[]byte(fmt.Sprintf("%x", sha256.Sum256(body)))
{%   elif type == "secret_base64" %}[]byte(base64.StdEncoding.EncodeToString([]byte(secret)))
{%   elif type == "value" %}[]byte({{ part.value|code }})
{%   elif type == "time_s" %}seconds, err := strconv.ParseInt({{ part.value|code }}, 10, 64)
		signedAt := time.Unix(seconds, 0)
{%   elif type == "time_ms" %}millis, err := strconv.ParseInt({{ part.value|code }}, 10, 64)
		signedAt := time.UnixMilli(millis)
{%   elif type == "time_iso" %}{% set text = part.value|code %}signedAt, err := time.Parse(time.RFC3339Nano, {{ text }})
		if err != nil {
			signedAt, err = time.Parse("2006-01-02T15:04:05", {{ text }})
		}
{%   elif type == "key_text" %}key, err := []byte(secret), error(nil)
{%   elif type == "key_base64" %}key, err := base64.StdEncoding.DecodeString(secret)
{%   elif type == "key_prefixed" %}key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimPrefix(secret, "whsec_"), "whpk_"))
{%   elif type == "key_hex" %}key, err := hex.DecodeString(secret)
{%   elif type == "key_pem" %}der, err := base64.StdEncoding.DecodeString(regexp.MustCompile(`-----[^-]+-----|\s`).ReplaceAllString(secret, ""))
{%   elif type == "signature_text" %}found, err := []byte(signature), error(nil)
{%   elif type == "signature_hex" %}found, err := hex.DecodeString(signature)
{%   elif type == "signature_base64" %}found, err := base64.StdEncoding.DecodeString(signature)
{%   elif type == "signature_base64url" %}found, err := base64.RawURLEncoding.DecodeString(signature)
{%   elif type in ["body", "url", "path", "method", "secret"] %}{{ type }}
{%   endif %}
{% else %}
{% set new_hash = {"md5": "md5.New", "sha1": "sha1.New", "sha256": "sha256.New", "sha384": "sha512.New384", "sha512": "sha512.New"}[hash] %}
{# An unused import is an error in Go. #}
{% set own = [
  ["bytes", true],
  ["crypto", kind == "rsa"],
  ["crypto/ecdsa", kind == "ecdsa"],
  ["crypto/ed25519", kind == "ed25519"],
  ["crypto/hmac", kind == "hmac"],
  ["crypto/md5", hash == "md5"],
  ["crypto/rsa", kind == "rsa"],
  ["crypto/sha1", hash == "sha1"],
  ["crypto/sha256", hash == "sha256" or uses("body_sha256_hex")],
  ["crypto/sha512", hash in ["sha384", "sha512"]],
  ["crypto/subtle", not asymmetric],
  ["crypto/x509", spki],
  ["encoding/base64", uses("key_base64", "key_prefixed", "key_pem", "secret_base64", "signature_base64", "signature_base64url")],
  ["encoding/hex", uses("key_hex", "signature_hex")],
  ["encoding/json", uses("json")],
  ["fmt", uses("body_sha256_hex")],
  ["net/http", true],
  ["regexp", spki],
  ["strconv", uses("time_s", "time_ms")],
  ["strings", split or prefix or uses("key_prefixed")],
  ["time", timestamp],
] %}
package main

import (
{% for name in own|selectattr("1")|map(attribute="0")|chain(imports)|unique|sort %}
	"{{ name }}"
{% endfor %}
)

// Verify verifies a webhook from {{ vendor|comment }}. The body must be the exact bytes received, before any
// parsing.{% if uses("url") %} The url is the full URL as registered with the sender.{% endif +%}
{% if spki %}
// The secret is the vendor's public key, in PEM or base64.
{% endif %}
func Verify(headers http.Header, body []byte, secret string{% for name in arguments %}, {{ name }} {% if name == "params" %}map[string]string{% else %}string{% endif %}{% endfor %}{% if timestamp %}, now time.Time{% endif %}) bool {
{% if uses("json") %}
	var document any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&document) != nil {
		return false
	}
	field := func(path ...string) string {
		at := document
		for _, name := range path {
			object, ok := at.(map[string]any)
			if !ok {
				return ""
			}
			at = object[name]
		}
		switch text := at.(type) {
		case string:
			return text
		case json.Number:
			return text.String()
		}
		return ""
	}
{% endif %}
{% if uses("header") %}
	header := func(names ...string) string {
		for _, name := range names {
			if value := headers.Get(name); value != "" {
				return value
			}
		}
		return ""
	}
{% endif %}
	for _, value := range []string{ {{- places|map("optional")|join(", ") -}} } {
		if value == "" {
			continue
		}
{% if split %}
		var signatures []string
{% if uses("item") %}
		fields := map[string]string{}
{% endif %}
{% if uses("position") %}
		var items []string
{% endif %}
		for _, item := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune({{ split|literal }}, r) }) {
			item = strings.TrimSpace(item)
{% if uses("position") %}
			items = append(items, item)
{% endif %}
{% if prefix %}
			if strings.HasPrefix(item, {{ prefix|literal }}) {
				signatures = append(signatures, item[{{ prefix|length }}:])
				continue
			}
{% else %}
			signatures = append(signatures, item)
{% endif %}
{% if uses("item") %}
			if name, text, found := strings.Cut(item, "="); found {
				if _, known := fields[name]; !known {
					fields[name] = text
				}
			}
{% endif %}
		}
{% elif prefix %}
		if !strings.HasPrefix(value, {{ prefix|literal }}) {
			continue
		}
		signatures := []string{value[{{ prefix|length }}:]}
{% else %}
		signatures := []string{value}
{% endif %}
{% if needed %}
		missing := false
		for _, part := range []string{ {{- needed|map("optional")|join(", ") -}} } {
			missing = missing || part == ""
		}
		if missing {
			continue
		}
{% endif %}
{% if timestamp %}
		{{ timestamp|code }}
		if err != nil {
			continue
		}
{% if timestamp.past_s %}
		if now.Sub(signedAt) > {{ timestamp.past_s }}*time.Second {
			continue
		}
{% endif %}
{% if timestamp.future_s %}
		if signedAt.Sub(now) > {{ timestamp.future_s }}*time.Second {
			continue
		}
{% endif %}
{% endif %}
		content := bytes.Join([][]byte{ {{- content|map("code")|join(", ") -}} }, nil)
{% if spki %}
		{{ key|code }}
		if err != nil {
			return false
		}
		parsed, err := x509.ParsePKIXPublicKey(der)
		key, ok := parsed.(*{{ kind }}.PublicKey)
		if err != nil || !ok {
			return false
		}
		digest := {{ new_hash }}()
		digest.Write(content)
		for _, signature := range signatures {
			{{ signature|code }}
{% if kind == "rsa" %}
			if err == nil && rsa.VerifyPKCS1v15(key, {% if hash == "sha512" %}crypto.SHA512{% else %}crypto.SHA256{% endif %}, digest.Sum(nil), found) == nil {
{% else %}
			if err == nil && ecdsa.VerifyASN1(key, digest.Sum(nil), found) {
{% endif %}
				return true
			}
		}
{% elif kind == "ed25519" %}
		{{ key|code }}
		if err != nil || len(key) != ed25519.PublicKeySize {
			return false
		}
		for _, signature := range signatures {
			{{ signature|code }}
			if err == nil && ed25519.Verify(key, content, found) {
				return true
			}
		}
{% else %}
{% if kind == "token" %}
		expected := content
{% elif kind == "hash" %}
		digest := {{ new_hash }}()
		digest.Write(content)
		expected := digest.Sum(nil)
{% else %}
		{{ key|code }}
		if err != nil {
			return false
		}
		mac := hmac.New({{ new_hash }}, key)
		mac.Write(content)
		expected := mac.Sum(nil)
{% endif %}
		for _, signature := range signatures {
			{{ signature|code }}
			if err == nil && subtle.ConstantTimeCompare(found, expected) == 1 {
				return true
			}
		}
{% endif %}
	}
	return false
}
{% endif %}
