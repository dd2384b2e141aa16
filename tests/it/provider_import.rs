//! End-to-end tests of the import of a provider's events, and of the validation of payloads.

use std::{collections::BTreeSet, fs, path::Path};

use reqwest::Method;

use crate::{
    hookbench::{Serve, until},
    json::{Json, json},
};

const SHOP: &str = r#"
openapi: 3.1.0
info: { title: Acme Shop, version: "1" }
webhooks:
  orderPaid:
    post:
      parameters: [{ name: webhook-id, in: header, schema: { type: string } }]
      requestBody: { content: { application/json: { schema: { $ref: "events.yaml#/OrderPaid" } } } }
"#;

const EVENTS: &str = r"
OrderPaid:
  type: object
  required: [type, data]
  properties:
    type: { const: order.paid }
    data:
      type: object
      required: [total, currency]
      properties: { total: { type: number }, currency: { type: string, minLength: 3, maxLength: 3 } }
";

/// Runs a command that must succeed. Returns its standard output.
fn cli(serve: &Serve, args: &[&str]) -> String {
    let output = serve.cli(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail. Returns its error.
fn error(serve: &Serve, args: &[&str]) -> String {
    let output = serve.cli(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Sends a body to an inbox. Returns the request once it is verified.
async fn sent(serve: &Serve, inbox: &str, body: &Json) -> Json {
    let url = format!("{}/{inbox}", serve.listener);
    let response = reqwest::Client::new().post(url).header("webhook-id", "msg_1").json(body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let newest = serve.get("/requests?limit=1").await["items"][0].clone();
    let id = newest["id"].as_str().unwrap().to_owned();
    until("the verification", async || {
        let request = serve.get(&format!("/requests/{id}")).await;
        (request["event_type"] != Json::NULL).then_some(request)
    })
    .await
}

async fn found(serve: &Serve, query: &str) -> u64 {
    serve.get(&format!("/requests/count?q={query}")).await["requests"].as_u64().unwrap()
}

#[tokio::test]
async fn every_event_of_github_is_imported_sent_and_valid() {
    let serve = Serve::start();
    let document = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("node_modules/@octokit/openapi-webhooks/generated/api.github.com.json");
    let result: Json = serde_json::from_str(&cli(
        &serve,
        &["provider", "import", document.to_str().unwrap(), "--id", "github", "--json"],
    ))
    .unwrap();
    assert_eq!(
        (&result["created"], &result["name"], &result["warnings"]),
        (&json!(false), &json!("GitHub"), &json!([]))
    );
    let described: Json = serde_json::from_str(&fs::read_to_string(document).unwrap()).unwrap();
    let names: BTreeSet<&str> = result["events"].items().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(names.len(), described["webhooks"].members().count());
    assert!(names.contains("pull_request.auto_merge_enabled") && names.contains("push"), "{names:?}");
    serve.patch("/inboxes/inbox", json!({ "verification": { "provider": "github", "secrets": ["s"] } })).await;
    let endpoint =
        json!({ "provider": "github", "url": format!("{}/inbox", serve.listener), "secrets": [{ "value": "s" }] });
    let (status, endpoint) = serve.call(Method::POST, "/endpoints", endpoint).await;
    assert_eq!(status, 201, "{endpoint}");
    for name in &names {
        let event = json!({ "provider": "github", "type": name, "endpoints": [endpoint["id"]] });
        let (status, sent) = serve.call(Method::POST, "/events", event).await;
        assert_eq!(status, 202, "{name}: {sent}");
    }
    let all = names.len() as u64;
    until("every event", async || (found(&serve, "signature:valid").await == all).then_some(())).await;
    let invalid = serve.get("/requests?q=schema:invalid&limit=5").await;
    assert_eq!(invalid["items"], json!([]));
    assert_eq!(found(&serve, "schema:valid").await, all);
    // An event is sent under the type of the vendor, and its action is in the payload.
    assert_eq!(found(&serve, "event:pull_request body.action:auto_merge_enabled").await, 1);
    assert_eq!(found(&serve, "event:pull_request.*").await, 0);
}

#[tokio::test]
async fn validates_the_events_of_an_imported_provider() {
    let serve = Serve::start();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("acme.yaml"), SHOP).unwrap();
    fs::write(folder.path().join("events.yaml"), EVENTS).unwrap();
    fs::write(folder.path().join("readme.txt"), "not a document").unwrap();
    let result = cli(&serve, &["provider", "import", folder.path().to_str().unwrap(), "--json"]);
    let result: Json = serde_json::from_str(&result).unwrap();
    assert_eq!(
        result,
        json!({ "id": "acme-shop", "name": "Acme Shop", "created": true, "events": ["order.paid"], "warnings": [] })
    );
    let provider = serve.get("/providers/acme-shop").await;
    assert_eq!(
        (&provider["event_type"], &provider["event_id"]),
        (&json!(["json:type"]), &json!(["header:webhook-id"]))
    );
    assert_eq!(provider["schemes"].items().len(), 1, "a vendor with the header webhook-id signs as Standard Webhooks");
    cli(&serve, &["inbox", "set", "inbox", "--provider", "acme-shop"]);
    let valid =
        sent(&serve, "inbox", &json!({ "type": "order.paid", "data": { "total": 1, "currency": "EUR" } })).await;
    assert_eq!((&valid["schema_status"], &valid["violations"]), (&json!("valid"), &json!([])));
    let wrong = sent(&serve, "inbox", &json!({ "type": "order.paid", "data": { "total": "1" } })).await;
    assert_eq!(wrong["schema_status"], "invalid");
    let violations = json!([
        { "path": "data", "message": "The field \"currency\" is missing." },
        { "path": "data.total", "message": "\"1\" is not of type \"number\"." },
    ]);
    let mut reported = wrong["violations"].to_vec();
    reported.sort_by_key(|one| one["path"].as_str().unwrap().to_owned());
    assert_eq!(json!(reported), violations);
    let timeline = serve.get(&format!("/requests/{}/timeline", wrong["id"].as_str().unwrap())).await;
    let counts: Vec<usize> = timeline["items"].items().map(|item| item["violations"].items().len()).collect();
    assert_eq!(counts, [0, 2], "{timeline}");
    // An event without a schema is not validated.
    let unknown = sent(&serve, "inbox", &json!({ "type": "order.lost" })).await;
    assert_eq!((&unknown["schema_status"], &unknown["violations"]), (&Json::NULL, &json!([])));
    for (query, expected) in [("schema:valid", 1), ("schema:invalid", 1), ("schema:*", 2), ("-schema:*", 1)] {
        assert_eq!(found(&serve, query).await, expected, "{query}");
    }
    let waited = cli(&serve, &["wait", "-q", "schema:invalid", "--since", "1h", "--json"]);
    assert!(waited.contains("\"schema_status\":\"invalid\""), "{waited}");
    // Another import replaces the events, and the removal deletes the provider.
    cli(&serve, &["provider", "import", folder.path().to_str().unwrap(), "--id", "acme-shop"]);
    cli(&serve, &["provider", "remove", "acme-shop"]);
    assert_eq!(serve.call(Method::GET, "/providers/acme-shop", Json::NULL).await.0, 404);
    assert!(fs::read_dir(serve.data.join("providers")).unwrap().next().is_none(), "both files are deleted");
}

#[tokio::test]
async fn imports_from_a_url_and_explains_what_it_cannot_import() {
    let serve = Serve::start();
    let document = SHOP.replace("$ref: \"events.yaml#/OrderPaid\"", "type: object");
    serve.patch("/inboxes/inbox", json!({ "response": { "status": 200, "body": document } })).await;
    let url = format!("{}/inbox/shop.yaml?v=1", serve.listener);
    let result: Json =
        serde_json::from_str(&cli(&serve, &["provider", "import", &url, "--id", "shop", "--json"])).unwrap();
    assert_eq!((&result["id"], &result["events"]), (&json!("shop"), &json!(["orderPaid"])));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let missing = folder.path().join("missing.json").to_string_lossy().into_owned();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let empty = folder.path().join("empty").to_string_lossy().into_owned();
    let not_found = format!("{}/nothing/here.json", serve.listener);
    for (source, expected) in [
        (
            file("broken.json", "{\n  \"openapi\": "),
            "broken.json is not valid JSON: EOF while parsing a value at line 2",
        ),
        (file("swagger.json", "{\"swagger\":\"2.0\"}"), "swagger.json describes no events"),
        (missing, "No such file"),
        (empty, "contains no JSON or YAML file"),
        (not_found, "cannot be downloaded: the response has status 404"),
        ("http://127.0.0.1:1/x.json".to_owned(), "cannot be downloaded: "),
    ] {
        let error = self::error(&serve, &["provider", "import", &source]);
        assert!(error.contains(expected), "{source}: {error}");
    }
    let error = self::error(&serve, &["provider", "import", &url, "--id", "No Kebab"]);
    assert!(error.contains("A provider ID must have 1 to 64 lowercase letters"), "{error}");
    // The title of a document does not change another provider, and the same document can be imported again.
    let titled = |file: &str, title: &str| {
        format!(
            "{{\"openapi\":\"3.1.0\",\"info\":{{\"title\":\"{title}\"}},\"webhooks\":{{\"{file}\":{{\"post\":{{}}}}}}}}"
        )
    };
    let (first, second) = (file("first.json", &titled("a", "Webhooks")), file("second.json", &titled("b", "Webhooks")));
    for _ in 0..2 {
        cli(&serve, &["provider", "import", &first]);
    }
    for source in [second, file("stripe.json", &titled("a", "Stripe"))] {
        let error = self::error(&serve, &["provider", "import", &source]);
        assert!(error.contains("exists. Pass its ID to add the events, or another ID."), "{error}");
    }
    // The events of a built-in provider can be removed, and the provider itself stays.
    cli(&serve, &["provider", "import", &url, "--id", "gitlab"]);
    let events = async || serve.get("/providers/gitlab").await["sending"]["events"].items().count();
    assert_eq!(events().await, 1);
    cli(&serve, &["provider", "remove", "gitlab"]);
    assert_eq!(serve.get("/providers/gitlab").await["name"], "GitLab");
    let error = self::error(&serve, &["provider", "remove", "gitlab"]);
    assert!(error.contains("is built in"), "{error}");
}
