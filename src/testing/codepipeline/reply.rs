//! Answers in the shapes of AWS.

use serde_json::{Value, json};

use super::super::server::Reply;

pub(super) fn json(body: &Value) -> Reply {
    with_id(Reply::status(200).body("application/x-amz-json-1.1", body.to_string()))
}

/// A refusal. What no operation lists writes its message with a capital.
pub(super) fn refusal(named: &str, message: &str) -> Reply {
    let key = if named == "AccessDeniedException" { "Message" } else { "message" };
    let body = json!({ "__type": format!("com.amazonaws.codepipeline#{named}"), key: message });
    let status = if named.starts_with("Internal") { 500 } else { 400 };
    with_id(Reply::status(status).body("application/x-amz-json-1.1", body.to_string()))
}

/// A refusal of CloudFormation.
pub(super) fn xml_refusal(code: &str, message: &str) -> Reply {
    let status = if code == "AccessDenied" { 403 } else { 400 };
    let body = format!(
        "<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>fa4e</RequestId></ErrorResponse>"
    );
    with_id(Reply::status(status).body("text/xml", body))
}

/// The resources of a stack.
pub(super) fn stack(stack: &str, pipeline: &str) -> Reply {
    let resource = |id: &str, kind: &str| {
        format!(
            "<member><StackName>{stack}</StackName><LogicalResourceId>R</LogicalResourceId>\
             <PhysicalResourceId>{id}</PhysicalResourceId><ResourceType>{kind}</ResourceType></member>"
        )
    };
    let body = format!(
        "<DescribeStackResourcesResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
         <DescribeStackResourcesResult><StackResources>{}{}</StackResources></DescribeStackResourcesResult>\
         <ResponseMetadata><RequestId>fa4e</RequestId></ResponseMetadata></DescribeStackResourcesResponse>",
        resource("bucket", "AWS::S3::Bucket"),
        resource(pipeline, "AWS::CodePipeline::Pipeline")
    );
    with_id(Reply::status(200).body("text/xml", body))
}

fn with_id(reply: Reply) -> Reply {
    reply.header("x-amzn-RequestId", "fa4e0000-1111-4222-8333-444444444444")
}
