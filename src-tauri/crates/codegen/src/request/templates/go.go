package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
{% if body %}
	"strings"
{% endif %}
)

func main() {
	request, err := http.NewRequest({{ method|literal }}, {{ url|literal }}, {% if body %}strings.NewReader({{ body }}){% else %}nil{% endif %})
	if err != nil {
		log.Fatal(err)
	}
{% if opaque %}
	request.URL.Opaque = {{ opaque|literal }}
{% endif %}
{# Assigns to the map, because `Add` would change the case of the name. #}
{% for header in headers %}
	request.Header[{{ header.name|literal }}] = []string{ {{- header.values|join(", ") -}} }
{% endfor %}
{% if not has_user_agent %}
	request.Header["User-Agent"] = nil
{% endif %}
	client := http.Client{
{% if not has_accept_encoding %}
		Transport: &http.Transport{DisableCompression: true},
{% endif %}
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	fmt.Println(response.Status, string(content), err)
}
