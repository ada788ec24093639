//! AWS CodePipeline: pipelines whose source is GitHub by a token.

mod api;
mod discovery;
mod document;
mod failure;
mod formation;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod idle;
mod owner;
mod proof;
mod region;
mod request;
mod sources;
mod template;
mod wire;

use std::sync::Arc;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use url::Url;

use self::api::Connection;
pub use self::discovery::PipelinesFound;
use self::region::Region;
use self::request::Signer;
pub use self::sources::CodePipelineSources;
use crate::consumer::Manual;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Http, Limits};

/// AWS publishes no rate of these calls. It throttles, with 400 and a name, and so slows down whoever shares the account.
///
/// Sources: "Quotas in AWS CodePipeline" (User Guide), which has none of requests; "Common Error Types",
/// <https://docs.aws.amazon.com/codepipeline/latest/APIReference/CommonErrors.html>, `ThrottlingException`.
static THROTTLING: Limits = Limits { throttles: true, ..Limits::NONE };

/// What plans and warnings call it.
const APPLICATION: &str = "AWS CodePipeline";

/// CodePipeline in one region of one AWS account, which hands out the pipelines to keep up to date. Cheap to clone.
///
/// It speaks the JSON 1.1 protocol, signed with Signature Version 4, so that parts of a pipeline that no SDK knows yet
/// survive. Nothing is written to a file. The clock of this machine must be right to a few minutes, or AWS refuses the
/// signatures.
///
/// Source: the service model `codepipeline/2015-07-09` (botocore), and the API reference of AWS CodePipeline.
///
/// ```
/// use aws_credential_types::Credentials;
/// use tokenturn::{CodePipeline, Http};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let http = Http::builder().user_agent("acme-rotator/1").build()?;
/// let keys = Credentials::builder()
///     .provider_name("static")
///     .access_key_id("AKIAFAKEFAKEFAKEFAKE")
///     .secret_access_key("fakefakefakefakefakefakefakefakefakefake")
///     .build();
/// let aws = CodePipeline::in_region(&http, "eu-central-1").credentials(keys).build()?;
/// let site = aws.pipeline("site");
/// let one = aws.pipeline("app").action("Source", "Backend");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CodePipeline {
    connection: Arc<Connection>,
}

/// Puts a [`CodePipeline`] together.
#[derive(Debug)]
#[must_use]
pub struct CodePipelineBuilder {
    http: Http,
    region: String,
    credentials: Option<SharedCredentialsProvider>,
    endpoint: Option<Url>,
    formation: Option<Url>,
}

impl CodePipeline {
    /// The CodePipeline of a region, such as `eu-central-1`.
    pub fn in_region(http: &Http, region: impl Into<String>) -> CodePipelineBuilder {
        CodePipelineBuilder {
            http: http.clone(),
            region: region.into(),
            credentials: None,
            endpoint: None,
            formation: None,
        }
    }

    /// The GitHub sources of the pipeline of this name: all of them that log in by a token, unless
    /// [`CodePipelineSources::action`] or [`CodePipelineSources::repository`] chooses.
    pub fn pipeline(&self, name: impl Into<String>) -> CodePipelineSources {
        CodePipelineSources::new(self.connection.clone(), name.into())
    }

    /// Every pipeline of the region with a GitHub source that logs in by a token, as a consumer each; and the others, each
    /// with the reason. Needs `codepipeline:ListPipelines`, and `codepipeline:GetPipeline` on each.
    ///
    /// # Errors
    ///
    /// Where the pipelines cannot be listed. One that cannot be read is reported among the others.
    pub async fn pipelines(&self) -> Result<PipelinesFound> {
        discovery::all(&self.connection, None).await
    }

    /// As [`pipelines`](Self::pipelines), with the sources of one repository alone, as GitHub writes its owner and name.
    ///
    /// # Errors
    ///
    /// As [`pipelines`](Self::pipelines).
    pub async fn pipelines_of(&self, owner: &str, repository: &str) -> Result<PipelinesFound> {
        discovery::all(&self.connection, Some((owner, repository))).await
    }

    /// A pipeline that a template makes, as a step for a person: the token goes to where the template takes it from, and
    /// the stack is updated. A direct update would be undone by the next deployment that touches the pipeline.
    ///
    /// It needs no AWS credentials and proves nothing. `consumer` is its name in plans, `pipeline` and `stack` are for the
    /// person's eyes.
    ///
    /// Sources: "Get a secret or secret value from Secrets Manager" (CloudFormation user guide): a changed secret is read
    /// only by an update that changes the resource; "`NoEcho`" and `UsePreviousValue` (CloudFormation API reference).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for a name that no consumer can have.
    pub fn managed_by_template(consumer: &str, pipeline: &str, stack: &str) -> Result<Manual> {
        template::manual(consumer, pipeline, stack)
    }
}

impl CodePipelineBuilder {
    /// Who asks: anything that provides AWS credentials, static keys as well. They are asked for when first needed, kept
    /// until shortly before they end, or for 15 minutes where they have no end, and fetched anew when AWS refuses them.
    pub fn credentials(mut self, provider: impl ProvideCredentials + 'static) -> Self {
        self.credentials = Some(SharedCredentialsProvider::new(provider));
        self
    }

    /// Who asks, found where the AWS tools look: environment, profiles, processes, web identity, container and instance
    /// roles. The chain talks to AWS with an HTTP client of its own, not through [`Http`].
    ///
    /// Profiles of IAM Identity Center (SSO) are not in it, as that provider writes to files. A program that wants them
    /// switches the feature `sso` of `aws-config` on, or hands a provider to [`credentials`](Self::credentials).
    #[cfg(feature = "aws-config")]
    pub async fn default_credentials(self) -> Self {
        let region = aws_config::Region::new(self.region.clone());
        let chain = aws_config::default_provider::credentials::DefaultCredentialsChain::builder().region(region);
        let chain = chain.build().await;
        self.credentials(chain)
    }

    /// The address of CodePipeline, in place of the public one of the region: a VPC endpoint, FIPS, another partition.
    pub fn endpoint(mut self, address: Url) -> Self {
        self.endpoint = Some(address);
        self
    }

    /// The address of CloudFormation, in place of the public one of the region. It is used by
    /// [`CodePipelineSources::stack`] alone.
    pub fn cloudformation_endpoint(mut self, address: Url) -> Self {
        self.formation = Some(address);
        self
    }

    /// The `CodePipeline`. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] without credentials, for an address without TLS, or where the region's partition is
    /// not known and no address is given; [`ErrorKind::InvalidInput`] for a region that cannot be one.
    pub fn build(self) -> Result<CodePipeline> {
        let region = Region::new(&self.region)?;
        let Some(credentials) = self.credentials else {
            let text = "who asks AWS is not said: call `credentials`";
            return Err(Error::new(ErrorKind::Configuration, text));
        };
        let address = |given: Option<Url>, service: &str| given.map_or_else(|| region.address(service), Ok);
        let endpoint =
            self.http.endpoint(address(self.endpoint, "codepipeline")?, failure::explain)?.limited(&THROTTLING);
        let formation = match address(self.formation, "cloudformation") {
            Ok(address) => Some(self.http.endpoint(address, formation::explain)?.limited(&THROTTLING)),
            Err(_) => None,
        };
        let signer = Signer::new(region, credentials);
        Ok(CodePipeline { connection: Arc::new(Connection { endpoint, formation, signer }) })
    }
}
