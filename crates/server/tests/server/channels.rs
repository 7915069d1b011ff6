//! What a notification channel may be made of.

use serde_json::{Value, json};

use crate::fixture::{PROJECT, Project};

fn channel(secret: &str) -> Value {
    json!({ "channel": "webhook", "url": "https://example.com/hook", "secret": secret })
}

#[tokio::test]
async fn a_secret_that_cannot_sign_is_refused_at_its_place_and_not_repeated() {
    let project = Project::new();
    let allowed = "settings: { server: { api_variables: [HOOK_SECRET] } }";
    project.write("syncline.yaml", &format!("{PROJECT}{allowed}\n"));
    let world = project.serve().await;
    let api = &world.client;
    let short = format!("whsec_{}", "A".repeat(28));
    let long = format!("whsec_{}", "A".repeat(88));
    for secret in ["hunter2-hunter2-hunter2", "whsec_hunter2!", "whsec_", &short, &long] {
        let new = json!({ "name": "ops", "document": channel(secret) });
        let problem = api.post("/notifications", new).await.fails(422, "invalid_config");
        assert_eq!(problem["errors"][0]["at"], "/document/secret", "{problem}");
        assert!(problem["errors"][0]["help"].as_str().unwrap().contains("openssl rand"), "{problem}");
        assert!(secret == "whsec_" || !problem.to_string().contains(secret), "{problem}");
    }
    let good = format!("whsec_{}", "A".repeat(32));
    let new = json!({ "name": "ops", "document": channel(&good) });
    api.post("/notifications", new).await.is(201);

    let mut changed = channel(&good);
    changed["previous_secret"] = json!("s3cret");
    let problem =
        api.put("/notifications/ops", json!({ "document": changed })).await.fails(422, "invalid_config");
    assert_eq!(problem["errors"][0]["at"], "/document/previous_secret", "{problem}");
    // Kept as it is, and by a name that is looked up when a message is sent.
    let kept = json!({ "channel": "webhook", "url": "https://example.com/hook", "secret": null });
    api.put("/notifications/ops", json!({ "document": kept })).await.is(200);
    let named = channel("${env:HOOK_SECRET}");
    api.put("/notifications/ops", json!({ "document": named })).await.is(200);
    world.stop().await;
}
