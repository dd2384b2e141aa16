use super::*;

const BLOCK: &[u8] = b"Host: x\r\nContent-Type: application/json\r\nAccept: */*\r\nUser-Agent: t\r\nContent-Length: 9\r\nAuthorization: Bearer s\r\n";

/// The lines of a header block.
fn lines(block: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    block.split(|byte| *byte == b'\n').filter_map(|line| {
        let at = line.iter().position(|byte| *byte == b':')?;
        Some((&line[..at], line[at + 1..].trim_ascii()))
    })
}

fn written(form: CodeFormat, block: &[u8], body: &[u8], reveal: bool) -> String {
    let message = CodeRequest::new("http://127.0.0.1:4665", ("POST", "/shop?a=1"), lines(block), body, reveal, false);
    form.write(&message).expect("this form can say it")
}

#[test]
fn a_json_webhook_reads_as_one_would_write_it() {
    assert_eq!(
        written(CodeFormat::Curl, BLOCK, b"{\"a\":'1'}", false),
        r#"# Masked, so it is not what was sent: Authorization.
curl --globoff --path-as-is 'http://127.0.0.1:4665/shop?a=1' \
  -H 'Content-Type: application/json' \
  -H 'Accept: */*' \
  -H 'User-Agent: t' \
  -H 'Authorization: ••••••••' \
  --data-raw '{"a":'\''1'\''}' \
  -H 'Expect:'
"#
    );
    assert_eq!(
        written(CodeFormat::Httpie, BLOCK, b"{\"a\":'1'}", true),
        r#"# HTTPie adds what this was not sent with: Accept-Encoding.
http --ignore-stdin --path-as-is \
  --raw='{"a":'\''1'\''}' \
  POST 'http://127.0.0.1:4665/shop?a=1' \
  Content-Type:application/json \
  'Accept:*/*' \
  User-Agent:t \
  'Authorization:Bearer s' \
  Connection:
"#
    );
    assert_eq!(
        written(CodeFormat::Fetch, BLOCK, b"{\"a\":'1'}", true),
        r#"// fetch adds what this was not sent with: Accept-Language, Accept-Encoding, Sec-Fetch-Mode.
const response = await fetch('http://127.0.0.1:4665/shop?a=1', {
  method: 'POST',
  headers: {
    'Content-Type': 'application/json',
    'Accept': '*/*',
    'User-Agent': 't',
    'Authorization': 'Bearer s',
  },
  body: '{"a":\'1\'}',
  redirect: 'manual',
});
console.log(response.status, await response.text());
"#
    );
    assert_eq!(
        written(CodeFormat::Python, BLOCK, b"{\"a\":'1'}", true),
        r#"import requests
from urllib3.util import SKIP_HEADER

response = requests.request(
    'POST',
    'http://127.0.0.1:4665/shop?a=1',
    headers={
        'Content-Type': 'application/json',
        'Accept': '*/*',
        'User-Agent': 't',
        'Authorization': 'Bearer s',
        'Connection': None,
        'Accept-Encoding': SKIP_HEADER,
    },
    data=b'{"a":\'1\'}',
    allow_redirects=False,
)
print(response.status_code, response.text)
"#
    );
    assert_eq!(
        written(CodeFormat::Go, BLOCK, b"{\"a\":'1'}", true),
        r#"package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
)

func main() {
	request, err := http.NewRequest("POST", "http://127.0.0.1:4665/shop?a=1", strings.NewReader(`{"a":'1'}`))
	if err != nil {
		log.Fatal(err)
	}
	request.Header["Content-Type"] = []string{"application/json"}
	request.Header["Accept"] = []string{"*/*"}
	request.Header["User-Agent"] = []string{"t"}
	request.Header["Authorization"] = []string{"Bearer s"}
	client := http.Client{
		Transport: &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	fmt.Println(response.Status, string(answer), err)
}
"#
    );
}

/// PowerShell is not to be had where these tests run, so its text is what is held fast.
#[test]
fn powershell_is_written_as_its_manual_has_it() {
    assert_eq!(
        written(CodeFormat::Powershell, BLOCK, "{\"a\":'it’s'}".as_bytes(), true),
        r#"$headers = @{
    'Accept' = '*/*'
    'User-Agent' = 't'
    'Authorization' = 'Bearer s'
}
$body = [System.Text.Encoding]::UTF8.GetBytes('{"a":''it’’s''}')
Invoke-WebRequest 'http://127.0.0.1:4665/shop?a=1' `
    -CustomMethod 'POST' -Headers $headers -SkipHeaderValidation `
    -ContentType 'application/json' -Body $body `
    -MaximumRedirection 0 -SkipHttpErrorCheck
"#
    );
    assert_eq!(
        written(CodeFormat::Powershell, b"X-A: 1\r\nx-a: 2\r\nUser-Agent: t\r\n", b"\x00\xff", true),
        r#"# x-a was sent more than once; here its values leave in one line.
$headers = @{
    'X-A' = '1, 2'
    'User-Agent' = 't'
}
$body = [System.Convert]::FromBase64String('AP8=')
Invoke-WebRequest 'http://127.0.0.1:4665/shop?a=1' `
    -CustomMethod 'POST' -Headers $headers -SkipHeaderValidation -Body $body `
    -MaximumRedirection 0 -SkipHttpErrorCheck
"#
    );
}

#[test]
fn bytes_a_shell_cannot_hold_go_through_base64() {
    let message = CodeRequest::new("http://h", ("PUT", "/x"), [], b"\x00\xff", false, false);
    let command = CodeFormat::Curl.write(&message).expect("works");
    assert!(command.starts_with("printf %s AP8= | base64 -d | curl --globoff"), "{command}");
    assert!(command.contains("-X PUT") && command.contains("--data-binary @-"), "{command}");
}

#[test]
fn what_a_form_cannot_say_it_says() {
    for (form, method, body) in [
        (CodeFormat::Httpie, "M-SEARCH", &b""[..]),
        (CodeFormat::Fetch, "GET", b"x"),
        (CodeFormat::Fetch, "TRACE", b""),
        (CodeFormat::Fetch, "head", b"x"),
    ] {
        let message = CodeRequest::new("http://h", (method, "/x"), [], body, false, false);
        assert!(form.write(&message).is_err(), "{form:?} {method}");
    }
    for (form, target, note) in [
        (CodeFormat::Httpie, "/x?a=%7e", true),
        (CodeFormat::Httpie, "/a/../%7e", false),
        (CodeFormat::Python, "/a/../b", true),
        (CodeFormat::Python, "/a?b=%2F&c=d%20e", false),
        (CodeFormat::Fetch, "/a/../b", true),
        (CodeFormat::Fetch, "/a/%7e?x=[1]", false),
        (CodeFormat::Fetch, "/a?x='", true),
        (CodeFormat::Go, "/a/../b\"?x=%zz", false),
    ] {
        let message = CodeRequest::new("http://h:80", ("POST", target), [], b"", false, false);
        assert_eq!(form.write(&message).expect("works").contains("in its own way"), note, "{form:?} {target}");
    }
}

#[test]
fn a_senders_name_stays_in_its_comment() {
    for form in [CodeFormat::Fetch, CodeFormat::Python, CodeFormat::Powershell] {
        let code = written(form, "a\u{2028}b: 1\r\nA\u{2028}B: 2\r\n".as_bytes(), b"", true);
        let note = code.lines().find(|line| line.contains("was sent more than once")).expect("a note");
        assert!(note.contains("A B") && !note.contains('\u{2028}'), "{code}");
    }
}

#[test]
fn an_absolute_target_is_sent_to_the_receiver() {
    assert_eq!(path_of("http://evil.example/shop?x"), "/shop?x");
    assert_eq!(path_of("http://evil.example"), "/");
    assert_eq!(path_of("/shop?next=http://evil.example/x"), "/shop?next=http://evil.example/x");
    assert_eq!(path_of("*"), "/");
    assert_eq!(path_of("/a//b/../c"), "/a//b/../c");
}
