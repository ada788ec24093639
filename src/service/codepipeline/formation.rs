//! Which stack of CloudFormation a pipeline belongs to.
//!
//! Source: `DescribeStackResources` (CloudFormation API reference, 2010-05-15): asked by `PhysicalResourceId`, it answers
//! with the resources of the stack that the resource belongs to, the first hundred of them.

use quick_xml::Reader;
use quick_xml::events::Event;
use zeroize::Zeroizing;

use super::api::Connection;
use super::failure;
use super::request::Unsigned;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Method};

/// What `DescribeStackResources` says of one resource.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Resource {
    stack: String,
    id: String,
    kind: String,
}

/// The stack that has this pipeline; `None` where CloudFormation knows of none.
pub(super) async fn stack_of(connection: &Connection, pipeline: &str) -> Result<Option<String>> {
    let Some(endpoint) = &connection.formation else {
        let text = "the address of CloudFormation is not known here: give it with `cloudformation_endpoint`";
        return Err(Error::new(ErrorKind::Configuration, text));
    };
    let pairs = [("Action", "DescribeStackResources"), ("Version", "2010-05-15"), ("PhysicalResourceId", pipeline)];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let request = Unsigned {
        service: "cloudformation",
        content_type: "application/x-www-form-urlencoded",
        target: None,
        body: Zeroizing::new(body.into_bytes()),
    };
    let make = || endpoint.call(Method::Post, &[]).reading().accepting(&[400]);
    let answer = connection.signer.send(&request, make).await?;
    if answer.status() == 400 {
        return if knows_none(&answer) { Ok(None) } else { Err(endpoint.refusal(&answer)) };
    }
    let resources = resources(&answer).ok_or_else(|| answer.not_understood("it is not the XML of CloudFormation"))?;
    let own = resources.iter().find(|r| r.id == pipeline && r.kind == "AWS::CodePipeline::Pipeline");
    // Beyond the first hundred it may be hidden, and then every resource that is shown is of its stack all the same.
    let any = resources.first().filter(|_| resources.len() >= 100);
    Ok(own.or(any).map(|resource| resource.stack.clone()))
}

/// CloudFormation's own words for a refusal.
pub(super) fn explain(answer: &Answer) -> Option<Error> {
    let text = std::str::from_utf8(answer.body()).ok()?;
    failure::refusal(answer, &first(text, b"Code")?, &first(text, b"Message").unwrap_or_default())
}

/// It words a resource without a stack as a stack that does not exist.
pub(super) fn knows_none(answer: &Answer) -> bool {
    let text = std::str::from_utf8(answer.body()).unwrap_or_default();
    first(text, b"Code").is_some_and(|code| code == "ValidationError")
        && first(text, b"Message").is_some_and(|message| message.contains("does not exist"))
}

pub(super) fn resources(answer: &Answer) -> Option<Vec<Resource>> {
    let text = std::str::from_utf8(answer.body()).ok()?;
    let (mut all, mut rooted) = (Vec::new(), false);
    walk(text, |path, said| {
        rooted |= path.first().is_some_and(|name| name == "DescribeStackResourcesResponse");
        match path {
            [.., list, member] if list == "StackResources" && member == "member" && said.is_none() => {
                all.push(Resource::default());
            }
            [.., member, field] if member == "member" => {
                let (Some(resource), Some(said)) = (all.last_mut(), said) else { return };
                match field.as_str() {
                    "StackName" => resource.stack.push_str(said),
                    "PhysicalResourceId" => resource.id.push_str(said),
                    "ResourceType" => resource.kind.push_str(said),
                    _ => {}
                }
            }
            _ => {}
        }
    })?;
    rooted.then_some(all)
}

/// What the first element of this name says.
fn first(text: &str, name: &[u8]) -> Option<String> {
    let mut found: Option<String> = None;
    let mut done = false;
    walk(text, |path, said| {
        if path.last().is_some_and(|last| last.as_bytes() == name) && !done {
            found.get_or_insert_default().push_str(said.unwrap_or_default());
        } else if found.is_some() {
            done = true;
        }
    })?;
    found
}

/// Tells of every element that begins and of every text, with the names of the elements around it.
fn walk(text: &str, mut tell: impl FnMut(&[String], Option<&str>)) -> Option<()> {
    let mut reader = Reader::from_str(text);
    let (mut path, mut at) = (Vec::new(), 0);
    loop {
        let event = reader.read_event().ok()?;
        let end = usize::try_from(reader.buffer_position()).ok()?;
        let span = at..end;
        at = end;
        match event {
            Event::Start(element) => {
                path.push(element.name().as_ref().to_owned());
                tell(&path, None);
            }
            Event::End(_) => drop(path.pop()),
            Event::Text(_) => tell(&path, Some(text.get(span)?.trim())),
            Event::GeneralRef(_) => {
                let plain = match text.get(span)? {
                    "&amp;" => "&",
                    "&lt;" => "<",
                    "&gt;" => ">",
                    "&quot;" => "\"",
                    "&apos;" => "'",
                    _ => " ",
                };
                tell(&path, Some(plain));
            }
            Event::DocType(_) => return None,
            Event::Eof => return path.is_empty().then_some(()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cloudformation_says_is_found_where_it_stands() {
        let error = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>a &amp; b is not authorized to \
                     perform: cloudformation:DescribeStackResources</Message></Error><RequestId>1</RequestId></ErrorResponse>";
        assert_eq!(first(error, b"Code").as_deref(), Some("AccessDenied"));
        assert!(first(error, b"Message").unwrap().contains("cloudformation:DescribeStackResources"));
        assert_eq!(first("<a><b>", b"b"), None);
        assert_eq!(first("not xml", b"b"), None);
    }
}
