package main

import (
{%- for import in imports %}
	"{{ import }}"
{%- endfor %}
)

// Verify verifies a webhook of {{ vendor }}. The body is the exact bytes that arrived, before any
// parser.
{%- if url %} The url is the whole URL as it is registered with the sender.{% endif %}
{%- if public %}
// The secret is the vendor's public key, in PEM or base64.{% endif %}
func Verify(headers http.Header, body []byte, secret string{% if url %}, url string{% endif %}{% if path %}, path string{% endif %}{% if method %}, method string{% endif %}{% if params %}, params map[string]string{% endif %}{% if check %}, now time.Time{% endif %}) bool {
{%- if json %}
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
{%- endif %}
{%- if header %}
	header := func(names ...string) string {
		for _, name := range names {
			if value := headers.Get(name); value != "" {
				return value
			}
		}
		return ""
	}
{%- endif %}
	for _, value := range []string{ {{- places|join(", ") -}} } {
		if value == "" {
			continue
		}
{%- if split %}
		var signatures []string
{%- if item %}
		fields := map[string]string{}
{%- endif %}
{%- if position %}
		var items []string
{%- endif %}
		for _, item := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune({{ split_text|literal }}, r) }) {
			item = strings.TrimSpace(item)
{%- if position %}
			items = append(items, item)
{%- endif %}
{%- if prefix %}
			if strings.HasPrefix(item, {{ prefix|literal }}) {
				signatures = append(signatures, item[{{ prefix_length }}:])
				continue
			}
{%- else %}
			signatures = append(signatures, item)
{%- endif %}
{%- if item %}
			if name, text, found := strings.Cut(item, "="); found {
				if _, known := fields[name]; !known {
					fields[name] = text
				}
			}
{%- endif %}
		}
{%- elif prefix %}
		if !strings.HasPrefix(value, {{ prefix|literal }}) {
			continue
		}
		signatures := []string{value[{{ prefix_length }}:]}
{%- else %}
		signatures := []string{value}
{%- endif %}
{%- if needed %}
		missing := false
		for _, part := range []string{ {{- needed|join(", ") -}} } {
			missing = missing || part == ""
		}
		if missing {
			continue
		}
{%- endif %}
{%- if check %}
		{{ check.expression }}
		if err != nil {
			continue
		}
{%- if check.past_ms %}
		if now.Sub(signedAt) > {{ check.past_s }}*time.Second {
			continue
		}
{%- endif %}
{%- if check.future_ms %}
		if signedAt.Sub(now) > {{ check.future_s }}*time.Second {
			continue
		}
{%- endif %}
{%- endif %}
		content := bytes.Join([][]byte{ {{- pieces|join(", ") -}} }, nil)
{%- if public %}
		{{ key }}
		if err != nil {
			return false
		}
		parsed, err := x509.ParsePKIXPublicKey(der)
		key, ok := parsed.(*{{ kind }}.PublicKey)
		if err != nil || !ok {
			return false
		}
		digest := {{ hash }}()
		digest.Write(content)
		for _, signature := range signatures {
			{{ found }}
{%- if kind == "rsa" %}
			if err == nil && rsa.VerifyPKCS1v15(key, {% if hash == "sha512.New" %}crypto.SHA512{% else %}crypto.SHA256{% endif %}, digest.Sum(nil), found) == nil {
{%- else %}
			if err == nil && ecdsa.VerifyASN1(key, digest.Sum(nil), found) {
{%- endif %}
				return true
			}
		}
{%- elif kind == "ed25519" %}
		{{ key }}
		if err != nil || len(key) != ed25519.PublicKeySize {
			return false
		}
		for _, signature := range signatures {
			{{ found }}
			if err == nil && ed25519.Verify(key, content, found) {
				return true
			}
		}
{%- else %}
{%- if kind == "token" %}
		expected := content
{%- elif kind == "hash" %}
		digest := {{ hash }}()
		digest.Write(content)
		expected := digest.Sum(nil)
{%- else %}
		{{ key }}
		if err != nil {
			return false
		}
		mac := hmac.New({{ hash }}, key)
		mac.Write(content)
		expected := mac.Sum(nil)
{%- endif %}
		for _, signature := range signatures {
			{{ found }}
			if err == nil && subtle.ConstantTimeCompare(found, expected) == 1 {
				return true
			}
		}
{%- endif %}
	}
	return false
}
