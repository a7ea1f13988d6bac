// Generated from the Rust types by `UPDATE_API=1 cargo test -p rollout-trace-viewer`. Do not edit.

/** The names of the kinds of things, in the order of their numbers. */
export const KINDS = ["item", "request", "turn", "agent", "edge", "call", "cell", "operation", "terminal", "compaction", "root", "definition"] as const;

/** What the list says about a rollout that was not reduced. */
export interface AboutRollout {
  /** The program that recorded the rollout. */
  agent: string | null;
  /** The number of agents. */
  agents: number;
  /** From the start to the end or, while it runs, to the last event. */
  duration_ms: number | null;
  /** The folder in which the root agent works. */
  folder: string | null;
  /** Whether the log, the manifest or the archive is damaged. */
  is_damaged: boolean;
  /** The model that the root agent asked first. */
  model: string | null;
  /** How the text begins with which a person began the rollout. */
  prompt: string | null;
  /** The status of the rollout, or `newer format`. */
  status: string;
  /** The number of turns. */
  turns: number;
}

/** Why a request does not contain an item. */
export type Absent = {
  /** The payload of the request. */
  payload_id: string | null;
  reason: "request_not_readable";
} | {
  reason: "other_thread";
  /** That thread. */
  thread_id: string;
} | {
  /** The event that showed it first. */
  first_seen_seq: number;
  reason: "later";
} | {
  /** The compaction. */
  compaction_id: string;
  /** The copies of the item. */
  copied_as: Array<string>;
  reason: "compacted";
  /** The event that installed it. */
  seq: number;
} | {
  /** That item. */
  now: string;
  reason: "rewritten";
} | {
  reason: "marker";
} | {
  reason: "never_in_a_request";
} | {
  /** The first of them. */
  first_in: string | null;
  reason: "not_yet_delivered";
} | {
  /** The last request that contains it. */
  last_in: string | null;
  reason: "dropped_unrecorded";
};

/** One agent. */
export interface Agent {
  /** Those of them that were read from the provider's cache. */
  cached_input_tokens: number;
  /** How many tools it called. */
  calls: number;
  /** Its folder. */
  cwd: string | null;
  /** When it ended. */
  end: number | null;
  /** The event with which it ended. */
  end_seq: number | null;
  /** The items that it gave back to its parent. */
  gave_back: Array<number>;
  /** The input tokens that were reported for its requests. */
  input_tokens: number;
  /** Its default model. */
  model: string | null;
  /** Its name: its path, with `#2` and so on if another agent has the same. */
  name: string;
  /** Its name for people. */
  nickname: string | null;
  /** The output tokens that were reported. */
  output_tokens: number;
  /** The agent that spawned it. */
  parent: number | null;
  /** How many requests it made. */
  requests: number;
  /** Its role. */
  role: string | null;
  /** The interaction that spawned it. */
  spawn_edge: number | null;
  /** When it started, in milliseconds on the time axis. */
  start: number;
  /** The event with which it started. */
  start_seq: number;
  /** Whether the event of the start is lost. */
  start_unobserved: boolean;
  /** Its status. */
  status: string;
  /** The name of its task. */
  task: string | null;
  /** The id of its thread. */
  thread_id: string;
  /** The items that told it what to do, the first first. */
  told: Array<number>;
  /** How many turns it had. */
  turns: number;
  /** The milliseconds from its start to its end. */
  wall_ms: number;
}

/** How the chain changes agents. */
export type AgentChange = "begun_by" | "reported_by";

/** What is said if a call fails. */
export interface ApiError {
  /** What is wrong, for people. */
  error: string;
  /** What to do next. */
  hint: string;
}

/** A call, and the payload in it. */
export interface At {
  /** Its number. */
  call: number;
  /** The call. */
  inference_call_id: string;
  /** The payload that the event names. */
  payload_id: string | null;
  /** The event. */
  seq: number | null;
  /** The number of its turn. */
  turn: number | null;
}

/** What the rows of a blame are by. */
export type Axis = "source" | "item" | "tool" | "server" | "agent" | "file" | "turn" | "section" | "thread";

/**
 * Who fills the context, times how often it was carried. The rent of a part is its size times the number of requests
 * that carried it.
 *
 * That the rent was billed is not claimed: cached tokens cost less, and failed attempts may cost nothing.
 */
export interface Blame {
  /** What the rows are by. */
  by: Axis;
  /** The name of the estimator. */
  estimator: string;
  /** `blame`. */
  question: string;
  /** The rows, by falling rent, then by key. */
  rows: Array<BlameRow>;
  /** The thread to which the answer is restricted. */
  thread: string | null;
  /** The sums over all calls. */
  totals: BlameTotals;
}

/** All parts of requests with one key. */
export interface BlameRow {
  /** The bytes, as often as they were carried. */
  bytes_carried: number;
  /** The rent in the calls whose usage fits. */
  cache_known_tokens_estimate: number;
  /** How much of the rent was cached, in the calls whose usage fits; null if there is none. */
  cached_tokens_estimate: number | null;
  /** How many calls carried any of them. */
  calls: number;
  /** The key. */
  key: string;
  /** The images, files and audio parts, as often as they were carried. */
  media_parts: number;
  /** How many different parts there are. */
  parts: number;
  /** Their size, as often as they were carried. */
  rent_tokens_estimate: number;
  /** The share of the whole rent. */
  share: number;
  /** Their size, each once. */
  tokens_estimate_once: number;
}

/** The sums over all calls. */
export interface BlameTotals {
  /** The reported cached input. */
  cached_input_tokens: number;
  /** The calls. */
  calls: number;
  /** Those whose usage fits. */
  calls_that_fit: number;
  /** The readable calls for which the provider reported usage. */
  calls_with_usage: number;
  /** The reported input. */
  input_tokens: number;
  /** What the provider reported as their input. */
  input_tokens_of_unreadable: number;
  /** The images, files and audio parts, as often as they were carried. */
  media_parts: number;
  /** The reported output. */
  output_tokens: number;
  /** The reported output that was reasoning. */
  reasoning_output_tokens: number;
  /** The reported input minus the rent in calls with usage; null if no call has usage. */
  residual_tokens: number | null;
  /** The whole rent. */
  tokens_estimate: number;
  /** The rent in calls with usage. */
  tokens_estimate_of_calls_with_usage: number;
  /** Those whose request is not readable. They count nowhere else. */
  unreadable_requests: number;
}

/** A part of a call. */
export type Block = "in" | "outcome" | "out" | "end";

/** Something of each of two rollouts. */
export interface Both {
  /** Of the first one. */
  a: At | null;
  /** Of the second one. */
  b: At | null;
}

/** Something of each of two rollouts. */
export interface Both2 {
  /** Of the first one. */
  a: Array<string>;
  /** Of the second one. */
  b: Array<string>;
}

/** Something of each of two rollouts. */
export interface Both3 {
  /** Of the first one. */
  a: DiffTotals;
  /** Of the second one. */
  b: DiffTotals;
}

/** Something of each of two rollouts. */
export interface Both4 {
  /** Of the first one. */
  a: Completeness;
  /** Of the second one. */
  b: Completeness;
}

/** The first part of two requests that differs. */
export interface BrokenAt {
  /** The first byte at which the two parts at that place differ; 0 if one is missing. */
  byte: number;
  /** The item of the first request. */
  item_id?: string | null;
  /** The name of the tool. */
  name?: string | null;
  /** The item of the second request in its place, or null. */
  now?: string | null;
  /** Its place in the section, from 0. */
  place: number;
  /** Its section. */
  section: PrefixSection;
}

/**
 * What the provider's cache did. The cached tokens are compared with the prompt that was sent before, and never with
 * the tokens that were cached before.
 */
export interface Cache {
  /** The cached tokens of the second request. */
  cached_input_tokens: number | null;
  /** Whether both usages fit their texts. */
  fits: boolean | null;
  /** The milliseconds from the end of the first call to the start of the second. */
  idle_ms: number | null;
  /** The tokens of the first request. */
  previous_input_tokens: number | null;
  /** How many tokens the cache could have had at most. */
  reachable_tokens_estimate: number | null;
  /** The ratio of the two. */
  share_of_previous: number | null;
  /** The numbers in one word. */
  verdict: CacheVerdict;
}

/** What a provider's cache did, in one word. */
export type CacheVerdict = "not_reported" | "nothing_to_compare" | "usage_does_not_fit" | "too_small" | "more_than_prefix" | "reused" | "broken_as_expected" | "partly_reused" | "missed";

/** The tool calls. */
export interface Calls {
  /** The agents. */
  agent: Deltas;
  /** The code cell that made each call; `null` if the model did. */
  by_cell: Deltas;
  /** The call's id in the conversation. */
  call_id: Words;
  /** The items in which the model made each call. */
  call_items: Lists;
  /** What the time of each counts as: `tool`, `script` or `agents`. */
  class: Words;
  /** When each ended; `null` if no end is recorded. */
  end: Deltas;
  /** The events of the ends. */
  end_seq: Deltas;
  /** The ids. */
  id: Array<string>;
  /** The payloads of the invocations. */
  invocation_payload: PayloadColumn;
  /** What is called, in one line: a command, a message, or the beginning of the arguments. */
  label: Array<string>;
  /** The names of the tools. */
  name: Words;
  /** The terminal operation of each call. */
  operation: Deltas;
  /** The items with the output. */
  output_items: Lists;
  /** The request whose answer asked for each call. */
  request: Deltas;
  /** The payloads of the results. */
  result_payload: PayloadColumn;
  /** The payloads that runtimes reported, by row. */
  runtime_payloads: Record<string, PayloadColumn>;
  /** When the runtime of each tool began to work. */
  runtime_start: Deltas;
  /** When each started. */
  start: Deltas;
  /** The events of the starts. */
  start_seq: Deltas;
  /** The rows whose start was not observed, so that it is that of the first evidence. */
  start_unobserved: Deltas;
  /** The code cell that each call started. */
  started_cell: Deltas;
  /** The statuses. */
  status: Words;
  /** The turns. */
  turn: Deltas;
  /** The rows that wait: for an agent, a code cell, or the output of a command to which they write nothing. */
  waits: Deltas;
}

/** A thing that a selector could mean. */
export interface Candidate {
  /** A selector that means this thing alone. */
  selector: string;
  /** The thing. */
  thing: Thing;
}

/** The requests that carried an item. */
export interface CarriedBy {
  /** How many there are. */
  calls: number;
  /** The first. */
  first: string | null;
  /** The last. */
  last: string | null;
}

/** Why an item differs. */
export type Cause = "compaction" | "tool_result" | "agent_message" | "person" | "harness" | "earlier_answer" | "fork" | "rebuilt" | "trimming" | "answer_not_kept" | "unrecorded" | "unknown";

/** How an effect is related to its cause. Of paths that are equally short, the one with the earlier relations is taken. */
export type Cause2 = "carried_from" | "delivered_by" | "output_of" | "answers" | "operation_of" | "called_in" | "run_by" | "source" | "answered_in" | "copied_from" | "written_by" | "reported_by" | "sent_by" | "asked_in" | "began_with" | "begun_by" | "spawned_by" | "origin";

/**
 * The next hop of each thing on the way to its root. Following them gives the path that `why` prints: from an effect to
 * its cause, and from there to the cause of that.
 */
export interface Causes {
  /** The hops of the agents. */
  agents: Hops;
  /** The hops of the tool calls. */
  calls: Hops;
  /** The hops of the code cells. */
  cells: Hops;
  /** The hops of the compactions. */
  compactions: Hops;
  /** The hops of the interactions. */
  edges: Hops;
  /** The hops of the items, in the order of their numbers. */
  items: Hops;
  /** The hops of the terminal operations. */
  operations: Hops;
  /** The hops of the requests. */
  requests: Hops;
  /** The words for the ends of causes, such as `person`. */
  roots: Array<string>;
  /** The hops of the terminal sessions. */
  terminals: Hops;
  /** The hops of the turns. */
  turns: Hops;
}

/** The code cells. */
export interface Cells {
  /** The agents. */
  agent: Deltas;
  /** The payloads of the first answers. */
  answer_payload: PayloadColumn;
  /** When the model received a first answer. */
  answered: Deltas;
  /** When each ended; `null` if no end is recorded. */
  end: Deltas;
  /** The events of the ends. */
  end_seq: Deltas;
  /** The ids. */
  id: Array<string>;
  /** How the source begins, in one line. */
  label: Array<string>;
  /** The items with the output. */
  output_items: Lists;
  /** The payloads of the results. */
  result_payload: PayloadColumn;
  /** The last status that the runtime of each reported. */
  runtime_status: Words;
  /** The item with the source. */
  source_item: Deltas;
  /** When each started. */
  start: Deltas;
  /** The events of the starts. */
  start_seq: Deltas;
  /** The rows whose start was not observed, so that it is that of the first evidence. */
  start_unobserved: Deltas;
  /** The statuses. */
  status: Words;
  /** The turns. */
  turn: Deltas;
  /** The tool calls with which the model waited for the cell. */
  waits: Lists;
  /** When the cell yielded and continued to run. */
  yielded: Deltas;
}

/** How certain a relation is. An answer is as certain as its weakest relation, which is the greatest of these. */
export type Certainty = "recorded" | "matched" | "inferred";

/** What happened to an item. */
export type Change = "added" | "copied" | "rewritten" | "moved" | "dropped";

/** Whether something changed. */
export interface Changed {
  /** Whether it changed. */
  changed: boolean;
}

/** The requests for compactions. */
export interface CompactionRequests {
  /** The agents. */
  agent: Deltas;
  /** The payloads of the answers. */
  answer_payload: PayloadColumn;
  /** The compaction of each. */
  compaction: Deltas;
  /** When each ended; `null` if no end is recorded. */
  end: Deltas;
  /** The events of the ends. */
  end_seq: Deltas;
  /** Why requests failed, by row. */
  error: Record<string, string>;
  /** The ids. */
  id: Array<string>;
  /** The models. */
  model: Words;
  /** The payloads of the requests. */
  request_payload: PayloadColumn;
  /** When each started. */
  start: Deltas;
  /** The events of the starts. */
  start_seq: Deltas;
  /** The rows whose start was not observed, so that it is that of the first evidence. */
  start_unobserved: Deltas;
  /** The statuses. */
  status: Words;
}

/** The compactions. */
export interface Compactions {
  /** The agents. */
  agent: Deltas;
  /** When the new history was installed. */
  at: Deltas;
  /** The ids. */
  id: Array<string>;
  /** The history before. */
  input: Lists;
  /** The item that marks the place. */
  marker: Deltas;
  /** The payloads with both histories. */
  payload: PayloadColumn;
  /** The history after. */
  replacement: Lists;
  /** The event that installed it. */
  seq: Deltas;
  /** The turns. */
  turn: Deltas;
}

/** How complete evidence is, the best first. */
export type Completeness = "complete" | "sealed" | "gapped" | "cut" | "damaged";

/** A different condition. The comparison continues after it. */
export interface Condition {
  /** What A has: a model, names, sizes, settings or items. */
  a: unknown;
  /** The calls. */
  at: Both;
  /** What B has. */
  b: unknown;
  /** What differs. */
  cause: ConditionCause;
  /** The first line that differs, of instructions and of items of the harness. */
  first_difference?: LineDifference | null;
}

/** What differs between the conditions of two calls. */
export type ConditionCause = "model_change" | "tool_list_change" | "tool_definition_change" | "instruction_change" | "settings_change" | "harness" | "input";

/**
 * What a model saw in one request, by section, with sizes that add up.
 *
 * How the provider rendered the request, and the tokens of media, are not claimed.
 */
export interface Context {
  /** Its turn. */
  codex_turn_id: string | null;
  /** The name of the estimator. */
  estimator: string;
  /** The inference call. */
  inference_call_id: string;
  /** The model. */
  model: string;
  /** The parts of each section, in order. */
  parts: Parts;
  /** The payload of the request. */
  payload_id: string | null;
  /** `context`. */
  question: string;
  /** Whether the payload is a JSON object. If not, only the items that the graph lists are shown. */
  readable: boolean;
  /** Whether the request repeats the conversation or continues a response. */
  request_is: RequestForm;
  /** The sizes of each section. */
  sections: Record<string, SectionSizes>;
  /** The event with the request. */
  seq: number;
  /** Everything else in the request that can change the answer. */
  settings: Record<string, unknown>;
  /** The status of the call. */
  status: ExecutionStatus;
  /** Its thread. */
  thread_id: string;
  /** What the provider reported. */
  usage: Usage;
  /** The size of the model's context window, if the agent core said it before the call. */
  window_tokens: number | null;
}

/**
 * What changed from one request to another, why, and what that did to the provider's cache.
 *
 * That a break caused a miss is not claimed: both are shown.
 */
export interface ContextDiff {
  /** The call that was asked about. */
  after: string;
  /** The call with which it is compared. */
  before: string | null;
  /** What the provider's cache did. */
  cache?: Cache;
  /** The compactions between the two. */
  compactions?: Array<string>;
  /** How many items changed in which way. */
  counts?: Counts;
  /** The instructions. */
  instructions?: Changed;
  /** The items that are not the same, in the order of the second request, then those that it lacks. */
  items?: Array<Row>;
  /** The models. */
  model?: ModelChange;
  /** How much of the first request the second one begins with. */
  prefix?: Prefix;
  /** `context-diff`. */
  question: string;
  /** Whether both requests are readable. If not, nothing but the usage is compared. */
  readable?: boolean | null;
  /** Whether the history was rebuilt by something that nobody recorded. */
  rebuilt_unrecorded?: boolean;
  /** How the two are related. */
  relation: Relation;
  /** Whether the second call repeats the first one, which failed. */
  retry?: boolean;
  /** The names of the settings that changed, sorted, and then `prompt_cache_key` if it changed. */
  settings_changed?: Array<string>;
  /** The tools. */
  tools?: ToolChange;
  /** What the provider reported about both. */
  usage?: Usages | null;
}

/** How many items changed in which way. */
export interface Counts {
  /** The added ones. */
  added: number;
  /** The copied ones. */
  copied: number;
  /** The dropped ones. */
  dropped: number;
  /** Those without a row. */
  kept: number;
  /** The moved ones. */
  moved: number;
  /** The rewritten ones. */
  rewritten: number;
}

/**
 * The chain of activities, from the rollout's start to the end of the trace, that determined the wall time.
 *
 * It follows who waited for whom. Which chain would be the longest if one of its activities were shorter is not
 * claimed.
 */
export interface CriticalPath {
  /** The milliseconds of all segments together, which is the wall time. */
  covered_ms: number;
  /** The milliseconds of each class that occurs. */
  ms: Record<string, number>;
  /** `critical-path`. */
  question: string;
  /** The segments of the chain, oldest first. They cover the wall time exactly once. */
  segments: Array<Segment>;
  /** The milliseconds from the rollout's start to the end of the trace. */
  wall_ms: number;
}

/** The critical path, oldest first. Its segments cover the time axis exactly once. */
export interface CriticalSegments {
  /** The agent. */
  agent: Deltas;
  /**
   * `model`, `compaction`, `tool`, `script`, `agents`, `to_run`, `unrecorded`, `idle`; or `begun_by`, `reported_by`
   * where the path changes agents.
   */
  class: Words;
  /** How long each is; 0 where the path changes agents. */
  ms: Array<number>;
  /** Where each segment begins. */
  start: Deltas;
  /** What took the time. */
  thing: ThingColumn;
}

/** What requests hold besides items. Equal definitions are one row. */
export interface Definitions {
  /** The bytes of each. */
  bytes: Array<number>;
  /** The names of tools, and their types if they have no names; empty for instructions and output formats. */
  name: Array<string>;
  /** The estimated tokens of each. */
  tokens: Array<number>;
}

/** A column of whole numbers, each written as the difference from the one before, the first as the difference from 0. `null` is a row without a number; the row after it is the difference from the last number. */
export type Deltas = Array<number | null>;

/**
 * Where two rollouts part, and under which different conditions they ran. Threads are compared up to their first
 * divergence.
 *
 * That a condition caused a divergence, and that anything later follows from it, are not claimed.
 */
export interface Diff {
  /** How complete the evidence of both is. */
  completeness: Both4;
  /** The agent, by its name in A, whose thread diverges first. */
  first: string | null;
  /** The names of the agents that only one has. */
  only_in: Both2;
  /** `diff`. */
  question: string;
  /** Whether nothing differs. */
  same: boolean;
  /** The threads that both have. */
  threads: Array<ThreadDiff>;
  /** The numbers of both. */
  totals: Both3;
}

/** The numbers of a rollout. */
export interface DiffTotals {
  /** The agents. */
  agents: number;
  /** The reported cached input. */
  cached_input_tokens: number;
  /** The compactions. */
  compactions: number;
  /** The estimated tokens of all readable requests. */
  context_tokens_estimate: number;
  /** The files that completed patches changed. */
  files_changed: Array<string>;
  /** The reported input. */
  input_tokens: number;
  /** The inference calls. */
  model_calls: number;
  /** Those that failed. */
  model_calls_failed: number;
  /** The reported output. */
  output_tokens: number;
  /** The tool calls. */
  tool_calls: number;
  /** Those that failed. */
  tool_calls_failed: number;
  /** The tool calls by the name of the tool. */
  tools: Record<string, number>;
  /** The turns. */
  turns: number;
  /** The wall time. */
  wall_ms: number;
}

/** Where two threads part. */
export interface Divergence {
  /** The side of A; of an end there is none. */
  a?: Side | null;
  /** The calls: their requests, or in the blocks outcome and out their responses. */
  at: Both;
  /** The side of B. */
  b?: Side | null;
  /** Which part of a call differs. */
  block: Block;
  /** On what they part. */
  cause: DivergenceCause;
  /** The first line that differs. */
  first_difference?: LineDifference | null;
  /** The status of its rollout. */
  rollout_status?: ExecutionStatus | null;
  /** Whether both models were given the same. */
  same_request?: boolean | null;
  /** Which thread has fewer calls, `a` or `b`. */
  shorter?: Shorter | null;
  /** The status of that thread. */
  thread_status?: ExecutionStatus | null;
  /** The name of the tool in A, if outputs of tool calls differ. */
  tool?: string | null;
}

/** On what two threads part. */
export type DivergenceCause = "request_not_readable" | "tool_outcome" | "tool_result" | "compaction" | "agent_message" | "input" | "harness" | "history" | "answer_not_readable" | "call_outcome" | "model_output" | "ended";

/** The interactions between agents. */
export interface Edges {
  /** The first request of the agent at its end that carried any of them. */
  arrival: Deltas;
  /** The event that showed first the item as which each arrived. */
  delivered_seq: Deltas;
  /** When each ended. */
  end: Deltas;
  /** The event with which each ended. */
  end_seq: Deltas;
  /** The agent at which each begins. */
  from: Deltas;
  /** The ids. */
  id: Array<string>;
  /** The items that each carried. */
  items: Lists;
  /** `spawn_agent`, `assign_agent_task`, `send_message`, `agent_result` or `close_agent`. */
  kind: Words;
  /** The payloads that show each, by row. */
  payloads: Record<string, PayloadColumn>;
  /** Where each begins. */
  source: ThingColumn;
  /** When each began. */
  start: Deltas;
  /** The event with which each began. */
  start_seq: Deltas;
  /** Where each ends. */
  target: ThingColumn;
  /** The agent at which each ends. */
  to: Deltas;
}

/** A piece of the raw event log, with damage in its place. */
export interface Events {
  /** The agents. */
  agent: Deltas;
  /** When each was recorded, on the time axis. */
  at: Deltas;
  /** What is damaged, for people, by place in this piece. */
  damage: Record<string, string>;
  /** The first row of this piece among all rows. */
  from: number;
  /** The types, or `damage`. */
  kind: Words;
  /** The lines of the log. */
  line: Deltas;
  /** The first payload that each names. */
  payload: PayloadColumn;
  /** How many payloads each names. */
  payloads: Array<number>;
  /** How many rows there are altogether. */
  rows: number;
  /** The sequence numbers. A row for damage has one if it concerns one event. */
  seq: Deltas;
  /** The turns. */
  turn: Deltas;
}

/** One of the examples, or a value that a newer producer wrote. */
export type ExecutionStatus = string;

/** One finding. */
export interface Finding {
  /** Where it differs first. */
  broken_at?: BrokenAt | null;
  /** How many calls there are. */
  calls?: number | null;
  /** Why a request does not begin with the one before. */
  cause?: PrefixCause | null;
  /** How certain it is. */
  certainty: Certainty;
  /** What was found. */
  code: FindingCode;
  /** The objects that are concerned. */
  ids: Array<string>;
  /** The reported input tokens. */
  input_tokens?: number | null;
  /** What it is, for people. */
  note: string;
  /** The same, times the requests that carried them. */
  rent_tokens_estimate?: number | null;
  /** The event at which it shows. */
  seq: number | null;
  /** How grave it is. */
  severity: FindingSeverity;
  /** The estimated tokens of the outputs. */
  tokens_estimate?: number | null;
  /** What the provider's cache did. */
  verdict?: CacheVerdict | null;
  /** The size of the model's context window. */
  window_tokens?: number | null;
}

/** What was found. The codes are stable, and ordered by their names. */
export type FindingCode = "turn_failed" | "turn_without_answer" | "error_streak" | "repeated_call" | "retry_storm" | "tool_not_offered" | "agent_result_not_delivered" | "message_not_delivered" | "output_not_delivered" | "agent_not_joined" | "context_nearly_full" | "cache_break" | "cache_miss" | "history_rebuilt" | "large_item" | "output_mostly_cut" | "output_missed" | "edit_reverted" | "process_left_running" | "usage_does_not_fit";

/** Where a finding is on the time axis. */
export interface FindingPlace {
  /** When the event at which it shows was recorded, in milliseconds on the time axis. */
  at_ms: number | null;
  /** The things that its ids name. */
  things: Array<Thing>;
}

/** How grave a finding is, the gravest first. */
export type FindingSeverity = "error" | "warning" | "note";

/**
 * What a reviewer would want to be told.
 *
 * None of it need be a fault: a search without a match exits with 1. That an output was not used is never claimed.
 */
export interface Findings {
  /** The number of findings of each severity. */
  counts: Record<string, number>;
  /** The findings, the gravest first. */
  findings: Array<Finding>;
  /** `findings`. */
  question: string;
}

/** Something that is missing. */
export interface Gap {
  /** The code of the diagnostics that report it, or a code of its own. */
  code: string;
  /** How many diagnostics or objects there are. */
  count: number;
  /** The objects that are concerned, at most 20 of them. */
  ids: Array<string>;
  /** What it is, for people. */
  note: string;
  /** The first event that shows it. */
  seq: number | null;
  /** How bad that is. */
  word: Completeness;
}

/** The lines of texts that match a pattern. */
export interface Grep {
  /** The number of matching lines. */
  matches: number;
  /** The pattern. */
  pattern: string;
  /** `grep`. */
  question: string;
  /** The matching lines, in the order of the events that show them. */
  rows: Array<GrepRow>;
}

/** A line that matches. */
export interface GrepRow {
  /** Where the first match in the line begins, in bytes, from 1. */
  column: number;
  /** The item, terminal operation or code cell. */
  id: string;
  /** The kind of the item or operation, or `code_cell`. */
  kind: string;
  /** The number of the line in the text, from 1. */
  line: number;
  /** The role of the item. */
  role: string | null;
  /** The event that shows the text; null if none does. */
  seq: number | null;
  /** The line. */
  text: string;
  /** The thread. */
  thread_id: string | null;
  /** The tool that the text is from or for. */
  tool: string | null;
  /** The class of the text. */
  where: Place;
}

/**
 * What is new in a rollout that is followed: the rows of what changed. A row takes the place of the row with its number,
 * or follows the last one.
 */
export interface Grown {
  /** The numbers of the agents that are new or changed. */
  agent_numbers: Deltas;
  /** These agents. */
  agents: Array<Agent>;
  /** The end of the time axis, in milliseconds from its start. */
  end_ms: number;
  /** How many rows the event log has. */
  events: number;
  /**
   * The items that are new or changed. A request that is new has carried its items: of those that are not here, it is
   * the last carrier.
   */
  items: Items;
  /** What these items say. */
  labels: Labels;
  /** The last event. */
  last_seq: number | null;
  /** The numbers of the rows of each table of `spans`. */
  rows: GrownRows;
  /**
   * The rows. `definitions` are those after the ones that were sent; of `compaction_requests`, which have no numbers, all
   * are sent if one changed. What only the whole rollout tells is empty.
   */
  spans: Spans;
  /** The status of the rollout. */
  status: string;
}

/** The numbers of the rows that changed, by table. */
export interface GrownRows {
  /** The tool calls. */
  calls: Deltas;
  /** The code cells. */
  cells: Deltas;
  /** The compactions. */
  compactions: Deltas;
  /** The interactions. */
  edges: Deltas;
  /** The terminal operations. */
  operations: Deltas;
  /** The requests. */
  requests: Deltas;
  /** The terminal sessions. */
  terminals: Deltas;
  /** The turns. */
  turns: Deltas;
}

/** One cause, with its evidence. */
export interface Hop {
  /** How certain that is. */
  certainty: Certainty;
  /** The effect. */
  from: Node;
  /** What was new to the model when it answered. That it answered so because of that is not claimed. */
  just_seen?: Array<string> | null;
  /** The name of an origin. */
  name?: string | null;
  /** How it is known, for people. */
  note?: string | null;
  /** The payload that this event names. */
  payload_id: string | null;
  /** How the two are related. */
  relation: Cause2;
  /** The event that shows it. */
  seq: number | null;
  /** The cause. */
  to: Node;
}

/** The next hops of things of one kind. */
export interface Hops {
  /** How certain that is: `recorded`, `matched` or `inferred`. */
  certainty: Words;
  /** The name of an origin. */
  name: Words;
  /** How it is known, for people. */
  note: Words;
  /** The number of each thing, as a list, because numbers of items may have gaps. */
  of: Deltas;
  /** The payload that this event names. */
  payload: PayloadColumn;
  /** How effect and cause are related, such as `output_of`; `null` if no cause is known, not even a root. */
  relation: Words;
  /** The event that shows it. */
  seq: Deltas;
  /** The cause. */
  to: ThingColumn;
}

/** An item in a request. */
export interface ItemPart {
  /** Whether the payload does not contain it, because the request continues a response. */
  by_reference: boolean;
  /** The length of the readable strings in UTF-8. */
  bytes: number;
  /** How certain the origin is. */
  certainty: Certainty;
  /** The number of their code points. */
  chars: number;
  /** Whether no earlier call carried it. */
  first_in: boolean;
  /** The item. */
  item_id: string;
  /** How many images, files or audio parts there are. */
  media_parts: number;
  /** The name of its origin. */
  name: string;
  /** Its place, from 0. */
  place: number;
  /** The length of the strings that only the provider can read. */
  sealed_bytes: number;
  /** The class of its origin. */
  source: OriginClass;
  /** How many tokens there are, roughly. Media count as none. */
  tokens_estimate: number;
}

/** A piece of the items of all conversations, without their texts. */
export interface Items {
  /** The agents. */
  agent: Deltas;
  /** When each was first seen, on the time axis. */
  at: Deltas;
  /** Of messages between agents, who wrote them. */
  author: Words;
  /** The bytes of the readable text. */
  bytes: Array<number>;
  /** The tool call that each makes, or whose output it is. */
  call: Deltas;
  /** The call that each makes or answers, by its id in the conversation. */
  call_id: Words;
  /** How many requests carried each. */
  carriers: Array<number>;
  /** How certain that is: `recorded`, `matched` or `inferred`. */
  certainty: Words;
  /** The channels. */
  channel: Words;
  /** Who wrote each, in a word: the class of its origin. */
  class: Words;
  /** The first request that carried each. */
  first_carrier: Deltas;
  /** The event that showed each first. */
  first_seq: Deltas;
  /** The kinds, such as `message`. */
  kind: Words;
  /** The last request that carried each. */
  last_carrier: Deltas;
  /** The event that showed each last. */
  last_seq: Deltas;
  /** The images, files and audio parts, by place in this piece. */
  media_parts: Record<string, number>;
  /** The names of the tools that are called. */
  name: Words;
  /** The number of each item. */
  number: Deltas;
  /** The name of each author within its class. */
  origin: Words;
  /** The payload of the request, response or checkpoint that showed each first. */
  payload: PayloadColumn;
  /** What is proved to have produced each: the first of its producers. */
  producer: ThingColumn;
  /** Of messages between agents, for whom they are. */
  recipient: Words;
  /** The roles. */
  role: Words;
  /** The bytes that only the provider can read, by place in this piece. */
  sealed_bytes: Record<string, number>;
  /** The estimated tokens. */
  tokens: Array<number>;
  /** The turns in which they were first seen. */
  turn: Deltas;
}

/** The kind of a thing: 0 item, 1 request, 2 turn, 3 agent, 4 edge, 5 call, 6 cell, 7 operation, 8 terminal, 9 compaction, 10 root, 11 definition. */
export type Kind = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11;

/** What items say, in one line, for lists: how their texts begin; of an output, what was called, since outputs begin alike. */
export interface Labels {
  /** The labels; empty if an item has no readable text. */
  label: Array<string>;
  /** The number of each item. */
  number: Deltas;
}

/** What a page that is one file lacks. */
export interface LeftOut {
  /** The command that shows it. */
  command: string;
  /** What it is, for people. */
  what: string;
}

/** The first line in which two texts differ, with noise replaced. */
export interface LineDifference {
  /** The line of A, or null if A has fewer lines. */
  a: string | null;
  /** The line of B, or null if B has fewer lines. */
  b: string | null;
  /** The number of the line, from 1. */
  line: number;
}

/** A rollout that can be shown. */
export interface ListedRollout {
  /** What it is about; `null` if it cannot be opened, or is the only one. */
  about: AboutRollout | null;
  /** Whether it is an archive. */
  is_archive: boolean;
  /** What calls and addresses name it by: its path below the root. */
  name: string;
  /** The id of the rollout, if its manifest says it. */
  rollout_id: string | null;
  /** When the recording began. */
  started_at_unix_ms: number;
}

/** A column of lists of numbers, each a few runs of consecutive numbers. The runs of all rows follow one another. */
export interface Lists {
  /** How many numbers each run has. */
  count: Array<number>;
  /** The first number of each run. */
  first: Deltas;
  /** How many runs the list of each row has. */
  runs: Array<number>;
}

/** Where evidence is lost or damaged. */
export interface Losses {
  /** When that was; `null` if it is unknown. */
  at: Deltas;
  /** The codes of the diagnostics. */
  code: Words;
  /** What each is, for people. */
  note: Words;
  /** The events before or at which each shows. */
  seq: Deltas;
}

/** The models of two calls. */
export interface ModelChange {
  /** The model of the second call. */
  after: string;
  /** The model of the first call. */
  before: string;
  /** Whether the model or its provider changed. */
  changed: boolean;
}

/** A thing of a rollout that answers name, and that [`Rollout::select`](crate::Rollout::select) finds. */
export type Node = {
  id: string;
  type: "item";
} | {
  id: string;
  type: "inference";
} | {
  id: string;
  type: "turn";
} | {
  id: string;
  type: "thread";
} | {
  id: string;
  type: "edge";
} | {
  id: string;
  type: "tool_call";
} | {
  /** Names a code cell of a graph: `code_cell:<call id>`, followed by `#2`, `#3` … if the call id is repeated. */
  id: string;
  type: "code_cell";
} | {
  id: string;
  type: "terminal_operation";
} | {
  /**
   * Names a terminal session of a graph: the process id in schema 1, `terminal_session:<operation id>` in schema 2,
   * followed by `#2`, `#3` … if the process id is repeated in another thread.
   */
  id: string;
  type: "terminal_session";
} | {
  id: string;
  type: "compaction";
} | {
  id: string;
  type: "root";
};

/** The terminal operations. */
export interface Operations {
  /** The tool call. */
  call: Deltas;
  /** When each ended; `null` if no end is recorded. */
  end: Deltas;
  /** The events of the ends. */
  end_seq: Deltas;
  /** The exit codes. */
  exit_code: Deltas;
  /** The ids, without their prefix. */
  id: Deltas;
  /** `exec_command` or `write_stdin`. */
  kind: Words;
  /** The command or the text that was written, in one line. */
  label: Array<string>;
  /** The bytes of all output that was recorded; `null` if there is no result. */
  output_bytes: Deltas;
  /** The items in which the model saw each. */
  seen_in: Lists;
  /** When each started. */
  start: Deltas;
  /** The events of the starts. */
  start_seq: Deltas;
  /** The rows whose start was not observed, so that it is that of the first evidence. */
  start_unobserved: Deltas;
  /** The statuses. */
  status: Words;
  /** The terminal session. */
  terminal: Deltas;
}

/** The kind of an item's author. */
export type OriginClass = "tool" | "mcp" | "model" | "compaction" | "agent" | "person" | "harness" | "before" | "unknown";

/** What a page shows first: who and what, how it ended, and how complete the evidence is. */
export interface Overview {
  /** The bundle as a command takes it, quoted for a shell. */
  command_path: string;
  /** What the rollout is called: the name of its bundle. */
  name: string;
  /** Why nothing else is shown: the bundle has a newer schema, or it cannot be opened. All other fields are empty then. */
  refused: Refused | null;
  /** Everything else. */
  rollout: RolloutOverview | null;
}

/** A change of a part that is no item. */
export type PartChange = "model_change" | "tool_list_change" | "instruction_change" | "output_format_change";

/** The parts of a request. */
export interface Parts {
  /** The instructions: one part or none. */
  instructions: Array<Sizes>;
  /** The items of the conversation. */
  items: Array<ItemPart>;
  /** The format that the answer must have: one part or none. */
  output_format: Array<Sizes>;
  /** The definitions of tools. */
  tools: Array<ToolPart>;
}

/** A column of payloads: a number N for the id `raw_payload:N`, any other id as it is, or `null`. */
export type PayloadColumn = Array<PayloadName | null>;

/** A payload: a number N for the id `raw_payload:N`, or any other id as it is. */
export type PayloadName = number | string;

/** A class of texts. */
export type Place = "command" | "item" | "output" | "source";

/**
 * How much of the first request the second one begins with, in the order model, tools, instructions, output format,
 * items.
 */
export interface Prefix {
  /** The first part that differs. */
  broken_at: BrokenAt | null;
  /** Why it differs. */
  cause: PrefixCause | null;
  /** How many items are equal, from the first. */
  equal_items: number;
  /** The size of the rest of the first request. */
  lost_tokens_estimate: number;
  /** The size of the parts before the first that differs. */
  tokens_estimate: number;
  /** Whether the second request begins with the whole first one. */
  whole: boolean;
}

/** Why a request does not begin with the one before. */
export type PrefixCause = PartChange | Cause;

/** A section in the order in which a provider's cache is taken to see them. */
export type PrefixSection = "model" | "tools" | "instructions" | "output_format" | "items";

/** One raw event. */
export interface RawEventText {
  /** The payloads that it names. */
  payloads: PayloadColumn;
  /** The sequence number. */
  seq: number;
  /** The event as JSON with line breaks. */
  text: string;
}

/** Why a rollout is not shown. */
export interface Refused {
  /** What a person can do. */
  hint: string;
  /** What is wrong. */
  what: string;
}

/** How two calls are related. */
export type Relation = "first_call" | "other_thread" | "next_call" | "later_call" | "earlier_call";

/**
 * What changed from the request before to each request, as the rule above a request says it. The row is the number of the
 * request; `null` where nothing can be compared. The whole answer is that of `context-diff`.
 */
export interface RequestChanges {
  /** How many were added. */
  added: Deltas;
  /** What the provider's cache did, in a word. */
  cache: Words;
  /** How many a compaction copied. */
  copied: Deltas;
  /** How many were dropped. */
  dropped: Deltas;
  /** How many milliseconds were between the end of the request before and the start of this one. */
  idle_ms: Deltas;
  /** How many items are the same. */
  kept: Deltas;
  /** The estimated tokens of the rest of the request before. */
  lost_tokens: Deltas;
  /** How many were moved. */
  moved: Deltas;
  /** Why a request does not begin with the one before; `null` if it does. */
  prefix_cause: Words;
  /** The estimated tokens with which both begin. */
  prefix_tokens: Deltas;
  /** The rows whose history was rebuilt by something that nobody recorded. */
  rebuilt_unrecorded: Deltas;
  /** The rows that repeat the request before, which failed. */
  retry: Deltas;
  /** How many were rewritten. */
  rewritten: Deltas;
}

/** How a request holds the conversation. */
export type RequestForm = "whole" | "incremental";

/**
 * The items of requests. A request begins with as many items of an earlier request as `kept` says, and continues with
 * its own.
 */
export interface RequestLists {
  /** The earlier request. */
  base: Deltas;
  /** How many of its first items the request begins with. */
  kept: Array<number>;
  /** The items that follow. */
  own: Lists;
}

/** The requests to models, with their answers. `request N` of people is row N - 1. */
export interface Requests {
  /** The agents. */
  agent: Deltas;
  /** The items of each answer, in order. */
  answer: Lists;
  /** The payloads of the answers. */
  answer_payload: PayloadColumn;
  /** The event with the answer, which may differ from that of the end. */
  answer_seq: Deltas;
  /** The rows whose answer was read. */
  answered: Deltas;
  /** The request before, with which each is compared: the nearest readable one of its agent. */
  before: Deltas;
  /**
   * The estimated tokens of the items of each request by the class of their origin, such as `tool` or `person`. A class
   * that no request has is left out.
   */
  by_class: Record<string, Deltas>;
  /** Those of them that were written to the provider's cache. */
  cache_write_input_tokens: Deltas;
  /** Those of them that were read from the provider's cache. */
  cached_input_tokens: Deltas;
  /** Why requests were canceled, by row. */
  cancel_reason: Record<string, string>;
  /** When each ended; `null` if no end is recorded. */
  end: Deltas;
  /** The events of the ends. */
  end_seq: Deltas;
  /** Why requests failed, by row. */
  error: Record<string, string>;
  /** The ids. */
  id: Array<string>;
  /** The rows whose request continues a response, and does not repeat the conversation. */
  incremental: Deltas;
  /** The reported input tokens; `null` if no usage is reported. */
  input_tokens: Deltas;
  /** The definition of the instructions of each request. */
  instructions: Deltas;
  /** The estimated tokens of the instructions. */
  instructions_tokens: Deltas;
  /** The items of each request, in order. */
  items: RequestLists;
  /** The estimated tokens of the items. */
  items_tokens: Deltas;
  /** The items that were new to the model in each request. */
  just_seen: Lists;
  /** The models. */
  model: Words;
  /** The definition of the output format of each request. */
  output_format: Deltas;
  /** The estimated tokens of the output format. */
  output_format_tokens: Deltas;
  /** The reported output tokens. */
  output_tokens: Deltas;
  /** The providers. */
  provider: Words;
  /** Those of them that were used for reasoning. */
  reasoning_output_tokens: Deltas;
  /** The payloads of the requests. */
  request_payload: PayloadColumn;
  /** When each started. */
  start: Deltas;
  /** The events of the starts. */
  start_seq: Deltas;
  /** The rows whose start was not observed, so that it is that of the first evidence. */
  start_unobserved: Deltas;
  /** The statuses. */
  status: Words;
  /** The definitions of tools in each request, in order, by their numbers. */
  tools: Lists;
  /** The estimated tokens of the tools in each request; `null` if it cannot be read. */
  tools_tokens: Deltas;
  /** The turns. */
  turn: Deltas;
  /** The rows whose request cannot be read. */
  unreadable: Deltas;
  /** The rows whose usage does not fit the text, so that nothing is computed from it. */
  usage_does_not_fit: Deltas;
  /** The size of the model's context window, if the agent core said it. */
  window_tokens: Deltas;
}

/** What a reviewer wants to know: what is remarkable, and what filled the contexts. */
export interface Review {
  /** Who fills the context, by source. */
  blame: Blame;
  /** For each finding, the things that its ids name, and when it shows. */
  finding_places: Array<FindingPlace>;
  /** What a reviewer would want to be told. */
  findings: Findings;
}

/** A rollout at a glance. */
export interface RolloutOverview {
  /** The program that recorded the rollout with its version, and the one that started the session, as far as known. */
  agent: string | null;
  /** The agents in the order of their numbers. */
  agents: Array<Agent>;
  /** What the model said last in the last turn of the root agent. */
  answered: Said | null;
  /** What began the first turn of the root agent. */
  asked: Said | null;
  /** How many things of each kind there are, by the name of the kind. */
  counts: Record<string, number>;
  /** The folder in which the root agent worked. */
  cwd: string | null;
  /** The end of the time axis, in milliseconds from its start. */
  end_ms: number;
  /** How many rows the event log has, including those for damage. */
  events: number;
  /** For each gap of the verdict, the things that its ids name, as far as they are things. */
  gap_things: Array<Array<Thing>>;
  /** Whether the rollout is still being followed, so that things without an end may still run. */
  is_followed: boolean;
  /** The highest number of an item, or 0. */
  last_item: number;
  /** The last event. */
  last_seq: number | null;
  /** The newest schema version that is known, if its rules were applied without proof that the bundle has it. */
  read_as_schema: number | null;
  /** When the recording began, which is 0 ms on the time axis. */
  started_at_unix_ms: number;
  /** The rollout in numbers. */
  stats: Stats;
  /** Where its time went. */
  time: Time;
  /** How complete its evidence is. */
  verdict: Verdict;
}

/** The rollouts that can be shown, the newest first. */
export interface Rollouts {
  /** A selector of what to show first. */
  at: string | null;
  /** Whether the rollouts are followed while they grow. */
  follow: boolean;
  /**
   * Whether the path is a trace root, so that the list comes first. Else there is one rollout, whose name need not be
   * given in calls.
   */
  is_root: boolean;
  /** The path that was given, for people. */
  path: string;
  /** The program and its version. */
  program: string;
  /** The rollouts. */
  rollouts: Array<ListedRollout>;
}

/** An item that differs between two requests. */
export interface Row {
  /** Why. */
  cause: Cause;
  /** How certain the cause is. */
  certainty: Certainty;
  /** What happened to it. */
  change: Change;
  /** The item: of the second request, or the one that it lacks. */
  item_id: string;
  /** Its place in the second request; of a dropped item, that among the items that could be expected. */
  place: number;
  /** Its size. */
  tokens_estimate: number;
  /** The size of that item. */
  tokens_estimate_was?: number | null;
  /** The place of a moved item among the items that could be expected. */
  was?: number | null;
  /** The item that it took the place of. */
  was_item_id?: string | null;
}

/** A text of a conversation. */
export interface Said {
  /** The item. */
  item: number;
  /** The beginning of its readable text. */
  text: string;
}

/** The sizes of a section. */
export interface SectionSizes {
  /** The length of the readable strings in UTF-8. */
  bytes: number;
  /** The number of their code points. */
  chars: number;
  /** How many images, files or audio parts there are. */
  media_parts: number;
  /** How many parts it has. */
  parts: number;
  /** The length of the strings that only the provider can read. */
  sealed_bytes: number;
  /** How many tokens there are, roughly. Media count as none. */
  tokens_estimate: number;
}

/** One segment of the chain. */
export interface Segment {
  /**
   * The name of the agent: for `begun_by` the one that was begun, for `reported_by` the one that waited. Null if the
   * graph has no threads.
   */
  agent_path: string | null;
  /** What the time was spent on, or how the chain changes agents. */
  class: SegmentClass;
  /** Where the segment begins, in milliseconds from the rollout's start. */
  from_ms: number;
  /**
   * The inference call, compaction request, tool call, code cell, or interaction edge; null for unrecorded and idle
   * time.
   */
  id: string | null;
  /** The length of the segment: 0 where the chain changes agents, and only there. */
  ms: number;
}

/** What a segment of the chain is. */
export type SegmentClass = TimeClass | AgentChange;

/** What a selector means: a thing, or what there is instead. */
export interface Selected {
  /** What it could mean instead, with a selector for each. */
  candidates: Array<Candidate>;
  /** Why there is no thing, for people. */
  problem: string | null;
  /** The selector that was given. */
  selector: string;
  /** The thing; `null` if the selector names nothing, or several things. */
  thing: Thing | null;
}

/** One of two rollouts. */
export type Shorter = "a" | "b";

/** One side of a divergence. */
export type Side = {
  /** Whether it can. */
  readable: boolean;
} | {
  /** Its size. */
  bytes: number;
  /** The exit code of its command. */
  exit_code: number | null;
  /** The item. */
  item_id: string | null;
  /** How it ended. */
  status: ExecutionStatus;
  /** The tool call. */
  tool_call_id: string;
} | {
  /** Its size. */
  bytes: number;
  /** The item. */
  item_id: string | null;
} | {
  /** Why it failed or was canceled. */
  error: string | null;
  /** Its status. */
  status: ExecutionStatus;
};

/**
 * The sizes of the model text of a part of a request, or of several parts.
 *
 * Source: questions, section 1.7.
 */
export interface Sizes {
  /** The length of the readable strings in UTF-8. */
  bytes: number;
  /** The number of their code points. */
  chars: number;
  /** How many images, files or audio parts there are. */
  media_parts: number;
  /** The length of the strings that only the provider can read. */
  sealed_bytes: number;
  /** How many tokens there are, roughly. Media count as none. */
  tokens_estimate: number;
}

/**
 * Everything that has a place in time: turns, requests, calls, cells, terminals, interactions and compactions. The row
 * of a table is the number of the thing. Times are milliseconds from the start of the recording.
 */
export interface Spans {
  /** The tool calls. */
  calls: Calls;
  /** The code cells. */
  cells: Cells;
  /** The requests for compactions, which are no things of their own. */
  compaction_requests: CompactionRequests;
  /** The compactions. */
  compactions: Compactions;
  /** The critical path. */
  critical_path: CriticalSegments;
  /** What requests hold besides items: the definitions of tools, instructions and output formats. */
  definitions: Definitions;
  /** The interactions between agents. */
  edges: Edges;
  /** Where evidence is lost or damaged, by its events. */
  losses: Losses;
  /** The terminal operations. */
  operations: Operations;
  /** The requests to models. */
  requests: Requests;
  /** The terminal sessions. */
  terminals: Terminals;
  /** The turns. */
  turns: Turns;
  /** Messages between agents that never arrived. */
  undelivered: Array<Undelivered>;
}

/** One rollout in numbers under names that stay. Calls of a child agent are not those of its parent. */
export interface Stats {
  /** The agents. */
  agents: number;
  /** Those of them that were written to the provider's cache. */
  cache_write_input_tokens: number;
  /** Those of them that were read from the provider's cache. */
  cached_input_tokens: number;
  /** The inference calls whose token usage was reported. */
  calls_with_usage: number;
  /** The code cells. */
  code_cells: number;
  /** The code cells that failed. Those that were stopped are not among them, because models stop cells on purpose. */
  code_cells_failed: number;
  /** The commands with an exit code other than 0. */
  commands_exit_nonzero: number;
  /** The compactions. */
  compactions: number;
  /** The estimated tokens of all readable requests. */
  context_tokens_estimate: number;
  /** The diagnostics of each severity. */
  diagnostics: Record<string, number>;
  /** The interactions between agents, by kind. */
  edges: Record<string, number>;
  /** The estimator of tokens. */
  estimator: string;
  /** The files that completed patches changed, sorted. */
  files_changed: Array<string>;
  /** The input tokens that were reported. */
  input_tokens: number;
  /** The items of conversations. */
  items: number;
  /** The largest context of a request, in estimated tokens. */
  largest_context_tokens_estimate: number;
  /** The inference calls. */
  model_calls: number;
  /** The inference calls that failed, or were canceled or aborted. */
  model_calls_failed: number;
  /** The models that were asked, sorted. */
  models: Array<string>;
  /** The output tokens that were reported. */
  output_tokens: number;
  /** `stats`. */
  question: string;
  /** Those of them that were used for reasoning. */
  reasoning_output_tokens: number;
  /** The id of the rollout. */
  rollout_id: string;
  /** The schema version of the bundle. */
  schema_version: number;
  /** When the recording began. */
  started_at_unix_ms: number;
  /** The status of the rollout. */
  status: ExecutionStatus;
  /** The terminal sessions. */
  terminals: number;
  /** The tool calls. A call that runs a code cell counts as the cell. */
  tool_calls: number;
  /** The tool calls that failed, or were canceled or aborted. */
  tool_calls_failed: number;
  /** The tool calls by the name of the tool. */
  tools: Record<string, number>;
  /** The id of the bundle. */
  trace_id: string;
  /** The turns. */
  turns: number;
  /** The turns that failed, or were canceled or aborted. */
  turns_failed: number;
  /** The milliseconds from the rollout's start to the end of the trace. */
  wall_ms: number;
}

/** The terminal sessions. */
export interface Terminals {
  /** The agents. */
  agent: Deltas;
  /** When each ended; `null` if no end is recorded. */
  end: Deltas;
  /** The events of the ends. */
  end_seq: Deltas;
  /** The exit codes. */
  exit_code: Deltas;
  /** The ids. */
  id: Array<string>;
  /** The operations, in order. */
  operations: Lists;
  /** The process ids. */
  process_id: Words;
  /** When each started. */
  start: Deltas;
  /** The events of the starts. */
  start_seq: Deltas;
  /** The rows whose start was not observed, so that it is that of the first evidence. */
  start_unobserved: Deltas;
  /** The statuses. */
  status: Words;
}

/** The text of a thing: an item, a terminal operation, a code cell, or a definition. */
export interface Text {
  /** The thing. */
  of: Thing;
  /** Its parts, in order. */
  parts: Array<TextPart>;
}

/** What a part of a text is. */
export type TextKind = "text" | "summary" | "sealed" | "json" | "code" | "other" | "command" | "stdin" | "stdout" | "stderr" | "formatted";

/** A part of a thing's text, or a range of one. */
export interface TextPart {
  /** The bytes of the whole part in UTF-8. Of a sealed part, those that only the provider can read. */
  bytes: number;
  /** Where the text begins in the part, in bytes. */
  from: number;
  /** The place of the image in its payload, which `image` takes, if it is an image that can be shown. */
  image: number | null;
  /** What the part is. */
  kind: TextKind;
  /** The language of source code, the field of a sealed text, or the kind of other content. */
  label: string | null;
  /** The payload that holds the part, if the text is not all there is: of images and other content. */
  payload: PayloadName | null;
  /** The text, or as much of it as was asked for. It ends between two characters. */
  text: string;
}

/** The texts of things. */
export interface Texts {
  /** One for each thing that was asked for, in the same order. */
  texts: Array<Text>;
}

/** A thing: its kind and its number among those of its kind. */
export type Thing = [Kind, number];

/** A column of things. */
export interface ThingColumn {
  /** The kind of each row's thing, or `null` if the row has none. */
  kind: Array<Kind | null>;
  /** The number of each row's thing. */
  number: Deltas;
}

/** How the threads of two agents differ. */
export interface ThreadDiff {
  /** The name of the agent in A. */
  agent_path: string;
  /** Its name in B. */
  agent_path_b: string;
  /** How many calls each has. */
  calls: [number, number];
  /** What the calls were given besides what came in. */
  conditions: Array<Condition>;
  /** Where the threads part. */
  divergence: Divergence | null;
  /** How many calls are equal, from the first. */
  equal_calls: number;
  /** Differences that change nothing, with the number of pairs of calls that have them. */
  soft_differences: Record<string, number>;
}

/** Where the wall time of one thread went. */
export interface ThreadTime {
  /** The name of the thread's agent. */
  agent_path: string;
  /** The milliseconds of each class. They add up to `wall_ms`. */
  ms: Record<string, number>;
  /** The id of the thread. */
  thread_id: string;
  /** The milliseconds from the thread's start to its end. */
  wall_ms: number;
}

/** Where the wall time of a rollout and of each of its threads went. Every millisecond counts once. */
export interface Time {
  /** The milliseconds of each class, with the work of all agents taken together. They add up to `wall_ms`. */
  ms: Record<string, number>;
  /** `time`. */
  question: string;
  /** The threads, in the order in which they started. */
  threads: Array<ThreadTime>;
  /** The milliseconds from the rollout's start to the end of the trace. An agent may outlive the rollout. */
  wall_ms: number;
}

/** What a millisecond of a thread's life was spent on. If several apply, the first one counts. */
export type TimeClass = "model" | "compaction" | "tool" | "script" | "agents" | "to_run" | "unrecorded" | "idle";

/** The token usage of a request. */
export interface TokenUsage {
  /** The input tokens that were written to the provider's cache. */
  cache_write_input_tokens: number;
  /** The input tokens that were read from the provider's cache. */
  cached_input_tokens: number;
  /** The input tokens. */
  input_tokens: number;
  /** The output tokens. */
  output_tokens: number;
  /** The output tokens that were used for reasoning. */
  reasoning_output_tokens: number;
}

/** The tools of two requests. */
export interface ToolChange {
  /** The names that only the second request has, in its order. */
  added: Array<string>;
  /** Whether anything changed. */
  changed: boolean;
  /** The names that only the first request has, in its order. */
  removed: Array<string>;
  /** Whether the names that both have are in another order. */
  reordered: boolean;
  /** The names with another definition. */
  rewritten: Array<string>;
}

/** The definition of a tool in a request. */
export interface ToolPart {
  /** The length of the readable strings in UTF-8. */
  bytes: number;
  /** The number of their code points. */
  chars: number;
  /** How many images, files or audio parts there are. */
  media_parts: number;
  /** The name of the tool, or else its type. */
  name: string;
  /** The length of the strings that only the provider can read. */
  sealed_bytes: number;
  /** How many tokens there are, roughly. Media count as none. */
  tokens_estimate: number;
}

/** The turns. */
export interface Turns {
  /** The agents. */
  agent: Deltas;
  /** When each ended; `null` if no end is recorded. */
  end: Deltas;
  /** The events of the ends. */
  end_seq: Deltas;
  /** The ids. */
  id: Array<string>;
  /** The item with which each began. */
  input: Deltas;
  /** When each started. */
  start: Deltas;
  /** The events of the starts. */
  start_seq: Deltas;
  /** The rows whose start was not observed, so that it is that of the first evidence. */
  start_unobserved: Deltas;
  /** The statuses. */
  status: Words;
}

/** A message between agents that never arrived. */
export interface Undelivered {
  /** When that event was recorded. */
  at: number | null;
  /** The call that sent it. */
  call: number | null;
  /** The kind of the interaction. */
  kind: string;
  /** The beginning of its text. */
  message: string | null;
  /** The last event that reported it. */
  seq: number;
  /** The agent for which it was. */
  to: number | null;
}

/**
 * What happened and was shown to no model, and what was shown to a model and is sealed to us.
 *
 * That something was not shown is not a fault: a script that keeps a value may have used it, and a compaction drops on
 * purpose.
 */
export interface Unseen {
  /** The bytes of all rows except those that are sealed. */
  bytes: number;
  /** The number of rows with each code. */
  counts: Record<string, number>;
  /** `unseen`. */
  question: string;
  /** What was not seen, in the order of the codes, then of the events. */
  rows: Array<UnseenRow>;
}

/** What happened to something that was not seen. */
export type UnseenCode = "output_cut" | "output_after_last_look" | "result_not_delivered" | "call_not_answered" | "cell_value_not_shown" | "child_result_not_delivered" | "message_not_delivered" | "dropped_by_compaction" | "trimmed_later" | "dropped_unrecorded" | "answer_not_kept" | "sealed_from_reader";

/** One thing that was not seen. */
export interface UnseenRow {
  /** The length of what was not seen; null if it is unknown. */
  bytes: number | null;
  /** How certain it is. */
  certainty: Certainty;
  /** What happened to it. */
  code: UnseenCode;
  /** How many parts of that text are missing. */
  gaps?: number | null;
  /** The objects that are concerned. */
  ids: Array<string>;
  /** How many requests of the thread came later. */
  later_calls?: number | null;
  /** What it is, for people. */
  note: string;
  /** The length of the text of which it is a part. */
  of_bytes?: number | null;
  /** The payload of that event that shows it. */
  payload_id: string | null;
  /** The event that shows it. */
  seq: number | null;
  /** The estimated tokens of what was not seen. */
  tokens_estimate?: number | null;
}

/**
 * What a provider reported about a request, beside the estimate of its text.
 *
 * Source: questions, section 1.7.
 */
export interface Usage {
  /** Whether the two are near enough to be about the same text. A usage that does not fit belongs to other text. */
  fits: boolean | null;
  /** The estimate of the whole request, or null if the request is not readable. */
  input_tokens_estimate: number | null;
  /** The provider's exact numbers, or null if it reported none. */
  reported: TokenUsage | null;
  /** The reported input minus the estimate. */
  residual_tokens: number | null;
}

/** What the provider reported about two requests. */
export interface Usages {
  /** About the second one. */
  after: Usage;
  /** About the first one. */
  before: Usage;
  /** How many input tokens more the second one has. */
  input_tokens_delta?: number | null;
  /** How many estimated tokens more the second one has. */
  input_tokens_estimate_delta?: number | null;
}

/**
 * How complete the evidence is, in one word, and every gap.
 *
 * That nothing else happened is not claimed: what no producer records is no gap.
 */
export interface Verdict {
  /** Whether the log ends with its end marker; null in schema 1, which has none. */
  end_marker: boolean | null;
  /** The gaps, the worst first. */
  gaps: Array<Gap>;
  /** `verdict`. */
  question: string;
  /** The status of the rollout. */
  status: ExecutionStatus;
  /** The word: that of the worst gap, or `complete`. */
  verdict: Completeness;
}

/**
 * What brought something about, hop by hop, each with its evidence.
 *
 * A cause inside the model, and that an item was used, are not claimed.
 */
export interface Why {
  /** Why it does not. */
  absent: Absent | null;
  /** The inference call in whose request it was asked about. */
  at: string | null;
  /** The requests that carried an item. */
  carried_by?: CarriedBy | null;
  /** The certainty of the weakest hop. */
  certainty: Certainty;
  /** What was new to the model in the request that was asked about. */
  just_seen?: Array<string> | null;
  /** The hops, from the subject to its root. */
  path: Array<Hop>;
  /** `why`. */
  question: string;
  /** Whether that request contains the item. */
  seen: boolean | null;
  /** What was asked about. */
  subject: Node;
}

/** A column of texts of which many are equal. */
export interface Words {
  /** For each row the place of its text in `words`, or `null` if it has none. */
  at: Array<number | null>;
  /** The different texts. */
  words: Array<string>;
}
