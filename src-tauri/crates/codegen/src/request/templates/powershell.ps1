{% if headers %}
$headers = @{
{% for header in headers %}
    {{ header.name|literal }} = {{ header.value|literal }}
{% endfor %}
}
{% endif %}
{% if body %}
$body = {{ body }}
{% endif %}
Invoke-WebRequest {{ url|literal }} `
    -CustomMethod {{ method|literal }}{% if headers %} -Headers $headers -SkipHeaderValidation{% endif %}{% if content_type %} `
    -ContentType {{ content_type|literal }}{% endif %}{% if body %} -Body $body{% endif %} `
    -MaximumRedirection 0 -SkipHttpErrorCheck
