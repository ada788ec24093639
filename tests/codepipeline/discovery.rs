//! All pipelines of a region.

use serde_json::json;
use tokenturn::ErrorKind;
use tokenturn::consumer::Consumer;

use crate::world::{OLD, World, action, connection, deploy, github, pipeline};

#[tokio::test]
async fn every_pipeline_of_the_region_is_a_consumer_or_is_told_why_not() {
    let world = World::start().await;
    world.fake.page_size(2);
    for (name, sources) in [
        ("app", vec![github("GitHub", "app", OLD), connection("App")]),
        ("bucket", vec![action("S3", ["Source", "AWS", "S3"], json!({}))]),
        ("connected", vec![connection("App")]),
    ] {
        world.fake.put(&pipeline(name, &sources, &[deploy()])).unwrap();
    }
    let found = world.aws.pipelines().await.unwrap();
    let names: Vec<&str> = found.pipelines.iter().map(Consumer::name).collect();
    assert_eq!(names, ["codepipeline:eu-central-1:app", "codepipeline:eu-central-1:site"]);
    let others: Vec<_> = found.others.iter().map(|(name, problem)| (name.as_str(), problem.kind)).collect();
    assert_eq!(others, [("bucket", ErrorKind::Unsupported), ("connected", ErrorKind::Unsupported)]);
    assert!(found.others[1].1.text.contains("not applicable: Source/App goes through a connection"));
    let of_one = world.aws.pipelines_of("ACME", "lib").await.unwrap();
    let names: Vec<&str> = of_one.pipelines.iter().map(Consumer::name).collect();
    assert_eq!(names, ["codepipeline:eu-central-1:site:ACME/lib"]);
    assert_eq!(of_one.others.len(), 3);
    assert_eq!(world.fake.writes(), 0);
}

#[tokio::test]
async fn a_missing_right_is_named_and_a_refused_login_stops_it() {
    let world = World::start().await;
    world.fake.deny("codepipeline:GetPipeline");
    let found = world.aws.pipelines().await.unwrap();
    assert!(found.pipelines.is_empty());
    assert!(found.others[0].1.text.contains("grant codepipeline:GetPipeline"), "{found:?}");
    world.fake.deny("codepipeline:ListPipelines");
    assert_eq!(world.aws.pipelines().await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    world.fake.refuse_login(true);
    assert_eq!(world.aws.pipelines().await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}
