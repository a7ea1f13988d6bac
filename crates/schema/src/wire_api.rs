//! The APIs over which agents reach their models.

use crate::open_enum::open_enum;

open_enum! {
    /// The API of a request to a model, which decides how its payloads are read.
    ///
    /// Source: wires, section 1.1.
    WireApi {
        /// The Responses API of OpenAI.
        Responses = "responses",
        /// The Messages API of Anthropic.
        Messages = "messages",
        /// The Chat Completions API of OpenAI, and everything that is compatible with it.
        ChatCompletions = "chat_completions",
        /// `generateContent` of the Gemini API.
        GenerateContent = "generate_content",
    }
}
