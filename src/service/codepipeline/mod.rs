//! AWS CodePipeline: pipelines whose source is GitHub by a token.
