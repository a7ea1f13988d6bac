//! A small server of the Model Context Protocol on its standard streams, for trying out an agent core. Its tools
//! answer, fail, take long, or end the server.

use std::{process::exit, sync::Arc, time::Duration};

use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult, PaginatedRequestParams,
        ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde_json::{Map, Value, json};

/// The names and types of properties.
type Properties = &'static [(&'static str, &'static str)];

/// The name, description and arguments of each tool.
const TOOLS: [(&str, &str, Properties); 8] = [
    ("echo", "Returns its argument", &[("text", "string")]),
    ("add", "Adds two numbers, and also returns a structured result", &[("a", "number"), ("b", "number")]),
    ("meta", "Returns the `_meta` of the call", &[]),
    ("fail", "Fails", &[("why", "string")]),
    ("refuse", "Returns a protocol error", &[]),
    ("slow", "Waits before it answers", &[("milliseconds", "integer")]),
    ("babble", "Writes invalid messages before it answers", &[]),
    ("die", "Ends the server before it answers", &[]),
];

struct Server;

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = TOOLS.map(|(name, description, properties)| {
            let types = properties.iter().map(|(name, kind)| ((*name).to_owned(), json!({"type": kind})));
            let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
            let schema = Map::from_iter([
                ("type".to_owned(), json!("object")),
                ("properties".to_owned(), Value::Object(types.collect())),
                ("required".to_owned(), json!(required)),
            ]);
            Tool::new(name, description, Arc::new(schema))
        });
        Ok(ListToolsResult::with_all_items(tools.into()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let text = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
        let say = |text: String| CallToolResult::success(vec![ContentBlock::text(text)]);
        Ok(match &*request.name {
            "echo" => say(text("text")),
            "add" => {
                let sum = arguments["a"].as_f64().unwrap_or_default() + arguments["b"].as_f64().unwrap_or_default();
                CallToolResult::structured(json!({"sum": sum}))
            }
            "meta" => say(json!(context.meta).to_string()),
            "fail" => CallToolResult::error(vec![ContentBlock::text(text("why"))]),
            "refuse" => return Err(ErrorData::invalid_params("this is refused", None)),
            "slow" => {
                let milliseconds = arguments["milliseconds"].as_u64().unwrap_or_default();
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                say("at last".to_owned())
            }
            "babble" => {
                use std::io::Write;
                let _ = std::io::stdout().write_all(b"this is no message\n{\"nor\": \"is this\"}\n");
                say("sense".to_owned())
            }
            "die" => {
                use std::io::Write;
                let _ = std::io::stderr().write_all(b"goodbye, cruel host\n");
                exit(3);
            }
            name => return Err(ErrorData::invalid_params(format!("there is no tool {name}"), None)),
        }
        .into())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    Server.serve(rmcp::transport::stdio()).await?.waiting().await?;
    Ok(())
}
