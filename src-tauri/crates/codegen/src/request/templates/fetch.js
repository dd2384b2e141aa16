const response = await fetch({{ url|literal }}, {
  method: {{ method|literal }},
{% if headers %}
  headers: {
{% for header in headers %}
    {{ header.name|literal }}: {{ header.value }},
{% endfor %}
  },
{% endif %}
{% if body %}
  body: {{ body }},
{% endif %}
  redirect: 'manual',
});
console.log(response.status, await response.text());
