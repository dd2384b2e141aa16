{% if is_base64 %}
import base64

{% endif %}
import requests
{% if skipped %}
from urllib3.util import SKIP_HEADER
{% endif %}

response = requests.request(
    {{ method|literal }},
    {{ url|literal }},
{% if headers or absent or skipped %}
    headers={
{% for header in headers %}
        {{ header.name|literal }}: {{ header.value }},
{% endfor %}
{% for name in absent %}
        {{ name|literal }}: None,
{% endfor %}
{% for name in skipped %}
        {{ name|literal }}: SKIP_HEADER,
{% endfor %}
    },
{% endif %}
{% if body %}
    data={{ body }},
{% endif %}
    allow_redirects=False,
)
print(response.status_code, response.text)
