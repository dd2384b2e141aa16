{# A handler in Go without a framework.
   First the code of a field of the request, which is empty where the field is absent. #}
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

// What follows receives webhooks of {{ vendor|comment }}:
//
//	{% if verify %}WEBHOOK_SECRET=… {% endif %}{% if "url" in arguments %}WEBHOOK_URL=https://… {% endif %}{% for param in params %}{{ param|variable }}=… {% endfor %}go run webhook.go
{% if handshakes %}
//
// Before it sends, {{ vendor|comment }} asks a question ({{ handshakes|join(", ")|comment }}), which is not answered here.
{% endif %}
{% for trap in traps %}
//
// Mind: {{ trap|comment }}
{% endfor %}

const bodyMax = 10 << 20
{% if event_id %}

// Repeats are recognised until the next start; keep ids in a table with a unique key to do better.
var seen sync.Map
{% endif %}

// field is a value of the payload as text, empty where it is none.
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
// joined is several values as one, empty unless all of them are there.
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
		http.Error(w, "Webhooks come by POST.", http.StatusMethodNotAllowed)
		return
	}
	// The bytes as they arrived{% if verify %}, which the signature covers, before any parser{% endif %}.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if err != nil {
		http.Error(w, "The body does not read.", http.StatusBadRequest)
		return
	}
{% if verify %}
	if !Verify(r.Header, body, os.Getenv("WEBHOOK_SECRET"){% if "url" in arguments %}, os.Getenv("WEBHOOK_URL"){% endif %}{% if "path" in arguments %}, r.URL.RequestURI(){% endif %}{% if "method" in arguments %}, r.Method{% endif %}{% if params %}, map[string]string{ {%- for param in params %}{{ param|literal }}: os.Getenv({{ param|variable|literal }}){% if not loop.last %}, {% endif %}{% endfor -%} }{% endif %}{% if timestamp %}, time.Now(){% endif %}) {
		http.Error(w, "The signature does not hold.", http.StatusUnauthorized)
		return
	}
{% endif %}
	var payload any
	decoder := json.NewDecoder(bytes.NewReader(body))
	// An id of many digits stays what it is.
	decoder.UseNumber()
	if decoder.Decode(&payload) != nil {
		http.Error(w, "The body is no JSON.", http.StatusBadRequest)
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
	// The work goes on beside the answer: a sender waits a few seconds and then tries again.
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
	default: // A type that is new is no fault.
	}
{% endif %}
}

func main() {
{% if verify %}
	// Without a secret anybody could sign.
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
