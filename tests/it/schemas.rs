//! End-to-end tests of inferred schemas and the code generated from them.

use std::{fs, path::Path, process::Command};

use reqwest::{Method, StatusCode};

use crate::{
    hookbench::{Serve, until},
    json::{Json, json},
};

fn samples() -> Vec<Json> {
    (0..12)
        .map(|n| {
            let mut body = json!({
                "id": format!("evt_{n}"), "type": "order.paid", "created": 1_763_740_800 + n, "livemode": n % 2 == 0,
                "data": {
                    "status": if n % 3 == 0 { "open" } else { "paid" },
                    "at": format!("2026-11-21T08:00:{n:02}Z"), "amount": f64::from(n) + 0.5, "note": if n % 2 == 0 { json!("x") } else { Json::NULL },
                    "class": 1, "kebab-case": true, "2nd": [], "lines": [{ "sku": "a", "count": n }, { "sku": "b", "free": true }],
                },
            });
            if n > 8 {
                body["data"]["coupon"] = json!({ "code": "SALE" });
            }
            body
        })
        .collect()
}

async fn taught() -> Serve {
    let serve = Serve::start();
    serve.cli(&["inbox", "set", "inbox", "--provider", "stripe"]);
    let client = reqwest::Client::new();
    for body in samples() {
        client.post(format!("{}/inbox", serve.listener)).json(&body).send().await.unwrap();
    }
    client.post(format!("{}/inbox", serve.listener)).body("not JSON").send().await.unwrap();
    until("the schema", async || {
        let schemas = serve.get("/schemas").await;
        schemas["items"].items().any(|shape| shape["requests"] == 12).then_some(())
    })
    .await;
    serve
}

#[tokio::test]
async fn infers_schema_reports_changes_and_deletes_it() {
    let serve = taught().await;
    let listed = serve.get("/schemas").await["items"][0].clone();
    assert_eq!(
        (&listed["inbox"], &listed["event_type"], &listed["drift"]),
        (&json!("inbox"), &json!("order.paid"), &json!(2))
    );
    let shape = serve.get("/schemas/inbox?event=order.paid").await;
    let field = |path: &str| {
        shape["tree"].items().find(|field| field["path"] == path).cloned().unwrap_or_else(|| panic!("{path}: {shape}"))
    };
    assert_eq!(field("data.note")["types"], json!(["null", "string"]));
    assert_eq!(field("data.status")["values"], Json::NULL, "twelve requests must not be enough to list all values");
    assert_eq!(field("data.at")["format"], "date-time");
    assert_eq!(
        (field("data.coupon")["optional"].clone(), field("data.lines[*].free")["optional"].clone()),
        (json!(true), json!(true))
    );
    let coupon = shape["changes"].items().find(|change| change["path"] == "data.coupon").unwrap();
    assert_eq!(coupon["what"], json!({ "type": "new_field", "value_type": "object" }));
    let body: Json = serde_json::from_slice(&serve.body(coupon["request"].as_str().unwrap()).await).unwrap();
    assert_eq!(body["id"], "evt_9", "the change must name the first request with the new field");
    let output = serve.cli(&["schema", "inbox", "order.paid"]);
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.contains("    status: string\n") && output.contains("data.coupon: new, object"), "{output}");

    assert_eq!(
        serve.request(Method::DELETE, "/schemas/inbox?event=order.paid").send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        serve.request(Method::GET, "/schemas/inbox?event=order.paid").send().await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn generated_types_compile_and_parse_samples() {
    let serve = taught().await;
    let code =
        |form: &str| String::from_utf8(serve.cli(&["schema", "inbox", "order.paid", "--as", form]).stdout).unwrap();
    let (root, dir) = (Path::new(env!("CARGO_MANIFEST_DIR")), tempfile::tempdir().unwrap());
    let bodies: Vec<String> = samples().iter().map(Json::to_string).collect();

    let uses = format!(
        "\nexport const seen: OrderPaid[] = [{}];\n// @ts-expect-error wrong type\nexport const other: OrderPaid = {{ id: 7 }};\n",
        bodies.join(",\n")
    );
    fs::write(dir.path().join("shape.ts"), code("typescript") + &uses).unwrap();
    let tsc = Command::new("node")
        .arg(root.join("node_modules/typescript/bin/tsc"))
        .args(["--strict", "--noEmit", "shape.ts"])
        .current_dir(&dir)
        .output()
        .unwrap();
    assert!(tsc.status.success(), "{}\n{}", String::from_utf8_lossy(&tsc.stdout), code("typescript"));

    fs::create_dir(dir.path().join("src")).unwrap();
    let manifest = "[package]\nname = \"shapes\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\nserde_json = \"1\"\n";
    fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("Cargo.lock"), dir.path().join("Cargo.lock")).unwrap();
    let uses = "\nfn main() {\n    let text = std::fs::read_to_string(\"seen.json\").unwrap();\n    let seen: Vec<OrderPaid> = serde_json::from_str(&text).unwrap();\n    let again = serde_json::to_value(&seen).unwrap();\n    let back: Vec<OrderPaid> = serde_json::from_value(again).unwrap();\n    assert!(back == seen);\n    print!(\"{}\", seen[9].data.coupon.is_some());\n}\n";
    fs::write(dir.path().join("src/main.rs"), code("rust") + uses).unwrap();
    fs::write(dir.path().join("seen.json"), format!("[{}]", bodies.join(","))).unwrap();
    let run = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline"])
        .current_dir(&dir)
        .env("CARGO_TARGET_DIR", root.join("target/snippets"))
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&run.stdout),
        "true",
        "{}\n{}",
        String::from_utf8_lossy(&run.stderr),
        code("rust")
    );
    assert_eq!(serde_json::from_str::<Json>(&code("json_schema")).unwrap()["title"], "order.paid");
}
