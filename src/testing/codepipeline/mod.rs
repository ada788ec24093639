//! An AWS `CodePipeline`, as far as source actions go.
