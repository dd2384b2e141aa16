{# Handler in Go without a framework.
   The first part is the code of a field of the request, which is empty if the field is absent. #}
{% if part is defined %}
{%   if part.type == "header" %}r.Header.Get({{ part.name|literal }})
{%   elif part.type == "json" %}field(payload, {{ part.steps|map("literal")|join(", ") }})
{%   elif part.type == "joined" %}joined({{ part.values|map("code")|join(", ") }})
{%   endif %}
{% else %}
{% if verify %}
{{ verify }}
{% else %}
package main

import (
{% for import in imports %}
	"{{ import }}"
{% endfor %}
)
{% endif %}

// The code below receives webhooks from {{ vendor|comment }}:
//
//	{% if verify %}WEBHOOK_SECRET=… {% endif %}{% if "url" in arguments %}WEBHOOK_URL=https://… {% endif %}{% for param in params %}{{ param|variable }}=… {% endfor %}go run webhook.go
{% if handshakes %}
//
// {{ vendor|comment }} expects a handshake ({{ handshakes|join(", ")|comment }}), which this code does not implement.
{% endif %}
{% for trap in traps %}
//
// Note: {{ trap|comment }}
{% endfor %}

const bodyMax = 10 << 20
{% if event_id %}

// Duplicates are detected until the next restart. Store ids in a table with a unique key to detect all duplicates.
var seen sync.Map
{% endif %}

// field returns a value of the payload as text, or an empty text if the value is absent.
func field(value any, path ...string) string {
	for _, name := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		value = object[name]
	}
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

{% if joins %}
// joined joins values. It returns an empty text if a value is absent.
func joined(values ...string) string {
	for _, value := range values {
		if value == "" {
			return ""
		}
	}
	return strings.Join(values, ".")
}

{% endif %}
func webhook(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "Use POST.", http.StatusMethodNotAllowed)
		return
	}
	// Use the raw body{% if verify %}: the signature covers the exact bytes, before any parsing{% endif %}.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if err != nil {
		http.Error(w, "The body cannot be read.", http.StatusBadRequest)
		return
	}
{% if verify %}
	if !Verify(r.Header, body, os.Getenv("WEBHOOK_SECRET"){% if "url" in arguments %}, os.Getenv("WEBHOOK_URL"){% endif %}{% if "path" in arguments %}, r.URL.RequestURI(){% endif %}{% if "method" in arguments %}, r.Method{% endif %}{% if params %}, map[string]string{ {%- for param in params %}{{ param|literal }}: os.Getenv({{ param|variable|literal }}){% if not loop.last %}, {% endif %}{% endfor -%} }{% endif %}{% if timestamp %}, time.Now(){% endif %}) {
		http.Error(w, "Invalid signature.", http.StatusUnauthorized)
		return
	}
{% endif %}
	var payload any
	decoder := json.NewDecoder(bytes.NewReader(body))
	// UseNumber keeps all digits of a large id.
	decoder.UseNumber()
	if decoder.Decode(&payload) != nil {
		http.Error(w, "The body is not valid JSON.", http.StatusBadRequest)
		return
	}
{% if event_id %}
	id := {{ event_id|code }}
	if _, again := seen.LoadOrStore(id, true); id == "" || !again {
		go handle({% if event_type %}{{ event_type|code }}{% else %}""{% endif %}, payload)
	}
{% else %}
	go handle({% if event_type %}{{ event_type|code }}{% else %}""{% endif %}, payload)
{% endif %}
	// The work continues after the response: a sender waits only a few seconds and then retries.
	fmt.Fprint(w, "OK")
}

func handle(kind string, payload any) {
	text, _ := json.Marshal(payload)
	log.Println(kind, string(text))
{% if events %}
	switch kind {
{% for event in events %}
	case {{ event.kind|literal }}: // {{ event.about|comment }}
{% endfor %}
	default: // Ignore unknown event types.
	}
{% endif %}
}

func main() {
{% if verify %}
	// With an empty secret, anyone can sign.
	if os.Getenv("WEBHOOK_SECRET") == "" {
		log.Fatal("Set WEBHOOK_SECRET to the signing secret.")
	}
{% endif %}
	address := "127.0.0.1:" + os.Getenv("PORT")
	if os.Getenv("PORT") == "" {
		address = "127.0.0.1:3000"
	}
	http.HandleFunc("/webhook", webhook)
	if err := http.ListenAndServe(address, nil); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}
{% endif %}
