//! The pipelines of a region that have something to rotate.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::api::Connection;
use super::sources::CodePipelineSources;
use crate::error::{Error, ErrorKind, Problem, Result};

/// How many pipelines are read at once. CodePipeline publishes no rate; it is asked little at a time.
const AT_ONCE: usize = 2;

/// The pipelines of a region.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PipelinesFound {
    /// Those with a GitHub source that logs in by a token: a consumer each.
    pub pipelines: Vec<CodePipelineSources>,
    /// The others by name, each with the reason: nothing to rotate there
    /// ([`ErrorKind::Unsupported`], the text begins with "not applicable"), or it could not be read.
    pub others: Vec<(String, Problem)>,
}

pub(super) async fn all(connection: &Arc<Connection>, repository: Option<(&str, &str)>) -> Result<PipelinesFound> {
    let names = connection.names().await?;
    let looks = names.into_iter().map(|name| async move {
        let sources = CodePipelineSources::new(connection.clone(), name.clone());
        let sources = match repository {
            Some((owner, repository)) => sources.repository(owner, repository),
            None => sources,
        };
        let looked = sources.look().await;
        (name, looked.map(|()| sources))
    });
    let mut looks = stream::iter(looks).buffered(AT_ONCE);
    let mut found = PipelinesFound::default();
    while let Some((name, looked)) = looks.next().await {
        match looked {
            Ok(sources) => found.pipelines.push(sources),
            Err(error) if stops(&error) => return Err(error),
            Err(error) => found.others.push((name, error.problem())),
        }
    }
    Ok(found)
}

/// Whether every other pipeline would fail in the same way.
fn stops(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::RateLimited | ErrorKind::Unavailable)
}
