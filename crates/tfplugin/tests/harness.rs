//! The demonstration provider through the testing module: what a provider's author gets to see.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, unreachable_pub)]
#[path = "../examples/terraform-provider-demo/main.rs"]
mod demo;

use std::fs;

use tfplugin::provider::{DeferReason, FunctionError, ImportTarget};
use tfplugin::testing::{TestProvider, TestResource, config};
use tfplugin::{Diagnostics, Path, Value};

/// A configured provider whose notes lie in a folder of their own.
async fn provider() -> (TestProvider, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let provider = TestProvider::new(demo::Demo);
    provider.configure(config([("folder", folder.path().to_str().unwrap().into())])).await.unwrap();
    (provider, folder)
}

fn note(text: &str, mode: &str) -> Value {
    config([("path", "a.txt".into()), ("text", text.into()), ("mode", mode.into())])
}

fn check_error(result: Result<Diagnostics, Diagnostics>, summary: &str) {
    let diagnostics = result.expect_err("fails");
    assert!(diagnostics.iter().any(|it| it.summary == summary), "expected {summary:?}, found {diagnostics}");
}

#[test]
fn the_provider_is_sound() {
    assert_eq!(tfplugin::problems(demo::Demo), Vec::<String>::new());
}

#[tokio::test]
async fn a_note_lives_from_creation_to_destruction() {
    let (provider, folder) = provider().await;
    let mut resource = provider.resource("demo_note");
    let plan = resource.plan(note("hello", "normal")).await.unwrap();
    assert_eq!(plan.planned.get(&Path::from("length")), Some(&5.into()));
    assert!(!plan.is_empty && plan.requires_replace.is_empty());

    resource.apply(note("hello", "normal")).await.unwrap();
    resource.store_and_load().await.unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("a.txt")).unwrap(), "hello");
    resource.apply(note("hello you", "normal")).await.unwrap();
    assert_eq!(resource.get("revision"), &2.into());
    assert_eq!(resource.identity(), Some(Value::object([("path", "a.txt".into())])));

    let moved = config([("path", "b.txt".into()), ("text", "hello".into())]);
    assert_eq!(resource.plan(moved.clone()).await.unwrap().requires_replace, [Path::from("path")]);
    resource.apply(moved).await.unwrap();
    assert!(!folder.path().join("a.txt").exists());

    fs::write(folder.path().join("b.txt"), "drifted").unwrap();
    resource.refresh().await.unwrap();
    assert_eq!(resource.get("text"), &"drifted".into());
    resource.destroy().await.unwrap();
    assert!(resource.state().is_null() && !folder.path().join("b.txt").exists());
}

#[tokio::test]
async fn what_exists_stays_in_the_state_on_any_failure() {
    for (mode, summary) in
        [("partial_create", "Note is incomplete"), ("panic_create", "The provider failed unexpectedly")]
    {
        let (provider, _folder) = provider().await;
        let mut resource = provider.resource("demo_note");
        check_error(resource.apply(note("hello", mode)).await, summary);
        assert!(resource.is_tainted());
        assert_eq!(resource.get("path"), &"a.txt".into());
        resource.apply(note("hello", "normal")).await.unwrap();
        assert!(!resource.is_tainted());
    }
    let (provider, _folder) = provider().await;
    let mut resource = provider.resource("demo_note");
    resource.apply(note("hello", "failed_update")).await.unwrap();
    check_error(resource.apply(note("other", "failed_update")).await, "Note was not changed");
    assert_eq!(resource.get("text"), &"hello".into());
    let mut resource = provider.resource("demo_note");
    resource.apply(note("hello", "failed_delete")).await.unwrap();
    check_error(resource.destroy().await, "Note was not deleted");
    assert!(!resource.state().is_null());
}

#[tokio::test]
async fn an_operation_that_comes_after_the_stop_does_not_begin() {
    let (provider, folder) = provider().await;
    let mut resource = provider.resource("demo_note");
    provider.stop();
    check_error(resource.apply(note("hello", "normal")).await, "Interrupted");
    assert!(resource.state().is_null() && !folder.path().join("a.txt").exists());
}

#[tokio::test]
async fn notes_are_imported_by_id_and_by_identity() {
    let (provider, folder) = provider().await;
    fs::write(folder.path().join("a.txt"), "hello").unwrap();
    for target in [ImportTarget::Id("a.txt".into()), ImportTarget::Identity(config([("path", "a.txt".into())]))] {
        let mut resource = provider.resource("demo_note");
        resource.import(target).await.unwrap();
        assert_eq!(resource.get("text"), &"hello".into());
        assert!(resource.plan(note("hello", "normal")).await.unwrap().is_empty);
    }
    let mut resource = provider.resource("demo_note");
    check_error(resource.import(ImportTarget::Id("gone.txt".into())).await, "The imported object does not exist");
    let mut everything = provider.resource("demo_everything");
    check_error(everything.import(ImportTarget::Id("x".into())).await, "Import is not supported");
}

#[tokio::test]
async fn older_state_is_upgraded() {
    let (provider, _folder) = provider().await;
    let mut resource = provider.resource("demo_note");
    resource.upgrade(0, r#"{"file":"a.txt","text":"hello"}"#).await.unwrap();
    assert_eq!(resource.get("path"), &"a.txt".into());
    check_error(resource.upgrade(2, "{}").await, "State was written by a newer version of the provider");
    check_error(resource.upgrade(1, "{\"path\":[]}").await, "State cannot be read");
}

fn everything() -> Value {
    let inner = |name: &str| config([("name", name.into())]);
    config([
        ("exact", Value::Number("12345678901234567890.123".parse().unwrap())),
        ("share", Value::Number("0.10000000000000000000000001".parse().unwrap())),
        ("any", Value::Tuple(vec![1.into(), "x".into(), Value::Null])),
        ("one", inner("one")),
        ("several", Value::List(vec![inner("a"), inner("b")])),
        ("unordered", Value::List(vec![inner("a"), inner("b")])),
        ("keyed", Value::map([("k", inner("a"))])),
        ("rule", Value::List(vec![config([("port", 80.into())])])),
    ])
}

#[tokio::test]
async fn every_kind_of_attribute_survives() {
    let (provider, _folder) = provider().await;
    let mut resource = provider.resource("demo_everything");
    resource.apply(everything()).await.unwrap();
    resource.store_and_load().await.unwrap();
    assert!(resource.plan(everything()).await.unwrap().is_empty);
    assert_eq!(resource.get("share").as_number().unwrap().to_string(), "0.10000000000000000000000001");
    assert_eq!(resource.get(Path::attribute("several").index(1).child("made")), &"made-b".into());
    assert_eq!(resource.get("plan.peak"), &9.5.into());
    resource.destroy().await.unwrap();
}

#[tokio::test]
async fn unknown_input_is_planned_as_unknown() {
    let (provider, _folder) = provider().await;
    let later = config([("path", "a.txt".into()), ("text", Value::UNKNOWN)]);
    let plan = provider.resource("demo_note").plan(later).await.unwrap();
    assert!(plan.planned.get(&Path::from("length")).unwrap().is_unknown());
    let later = config([("several", Value::UNKNOWN), ("any", Value::UNKNOWN)]);
    let plan = provider.resource("demo_everything").plan(later).await.unwrap();
    assert!(plan.planned.get(&Path::from("several")).unwrap().is_unknown());
}

async fn with_unknown_configuration(provider: TestProvider) -> TestResource {
    provider.configure(config([("folder", Value::UNKNOWN)])).await.unwrap();
    provider.resource("demo_note")
}

#[tokio::test]
async fn an_unknown_provider_block_defers_where_terraform_takes_it() {
    let resource = with_unknown_configuration(TestProvider::new(demo::Demo).deferring()).await;
    let plan = resource.plan(note("hello", "normal")).await.unwrap();
    assert_eq!(plan.deferred, Some(DeferReason::ProviderConfigUnknown));
    let resource = with_unknown_configuration(TestProvider::new(demo::Demo)).await;
    let plan = resource.plan(note("hello", "normal")).await.unwrap();
    assert_eq!((plan.deferred, plan.planned.get(&Path::from("length"))), (None, Some(&5.into())));
    let provider = TestProvider::new(demo::Demo);
    with_unknown_configuration(provider.clone()).await;
    let read = provider.read_data_source("demo_file", config([("path", "x".into())])).await;
    assert_eq!(read.unwrap_err().iter().next().unwrap().summary, "Provider is not configured yet");
}

#[tokio::test]
async fn write_only_attributes_are_refused_where_they_would_be_kept() {
    let (provider, folder) = provider().await;
    let secret = config([("path", "a.txt".into()), ("text", "x".into()), ("secret", "hush".into())]);
    let mut resource = provider.resource("demo_note");
    resource.apply(secret.clone()).await.unwrap();
    assert!(resource.get("secret").is_null());
    assert_eq!(fs::read_to_string(folder.path().join("a.secret")).unwrap(), "hush");
    let found = provider.without_write_only().resource("demo_note").validate(secret).await;
    assert!(found.has_error() && found.to_string().contains("needs Terraform 1.11"), "{found}");
}

#[tokio::test]
async fn the_other_parts_answer_too() {
    let (provider, folder) = provider().await;
    fs::write(folder.path().join("x.txt"), "hello").unwrap();
    let (read, warnings) =
        provider.read_data_source("demo_file", config([("path", "x.txt".into()), ("limit", 2.into())])).await.unwrap();
    assert_eq!(read.get(&Path::from("text")), Some(&"he".into()));
    assert_eq!(warnings.iter().next().unwrap().path, Some(Path::from("limit")));

    let called = provider.call_function("repeat", vec!["ab".into(), 2.into(), "c".into()]).await;
    assert_eq!(called, Ok("ababc".into()));
    let refused = provider.call_function("repeat", vec!["ab".into(), 2000.into()]).await;
    assert_eq!(refused, Err(FunctionError::argument(1, "expected at most 1000 times, found 2000")));

    let lines =
        provider.invoke_action("demo_publish", config([("from", "x.txt".into()), ("to", "y.txt".into())])).await;
    assert_eq!(lines, Ok(vec!["copying".to_owned(), "copied".to_owned()]));
    assert!(folder.path().join("y.txt").exists());
    let failed = provider.invoke_action("demo_publish", config([("from", "gone".into()), ("to", "z".into())])).await;
    assert_eq!(failed.unwrap_err().iter().next().unwrap().summary, "File cannot be used");

    let token = provider.open_and_close("demo_token", config([("name", "ada".into())])).await.unwrap();
    assert_eq!(token.get(&Path::from("value")), Some(&"token-of-ada".into()));
    assert!(!folder.path().join("ada.open").exists());
}
