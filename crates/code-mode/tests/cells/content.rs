//! The output of a script.

use std::time::Duration;

use insta::assert_snapshot;
use rollout_trace_code_mode::{CellLimits, ContentItem, ExecuteRequest, ImageDetail, WaitRequest};
use serde_json::json;

use crate::support::{Run, block_on, ran, ran_within};

#[test]
fn text_shows_every_value() {
    assert_snapshot!(ran(r"
        for (const value of ['as it is', 1, -0, 1n, true, null, undefined, [1, { a: 'b' }], new Date(0), /x/g, () => 1, Symbol('s')]) text(value);
        text();
        text(new TypeError('wrong'));
        text('half a pair: \ud800');
    "), @r#"
    text: as it is
    text: 1
    text: 0
    text: 1
    text: true
    text: null
    text: undefined
    text: [1,{"a":"b"}]
    text: "1970-01-01T00:00:00.000Z"
    text: {}
    text: [a function]
    text: [a symbol]
    text: undefined
    text: TypeError: wrong
        at <anonymous> (cell:4:18)
    text: half a pair: �
    done
    "#);
}

#[test]
fn text_refuses_values_that_json_cannot_represent() {
    assert_snapshot!(ran("
        const refused = (what) => { try { text(what) } catch (error) { text(String(error)) } };
        refused(Promise.resolve(1));
        refused({ a: 1n });
        const cycle = []; cycle.push(cycle);
        refused(cycle);
    "), @r"
    text: TypeError: a promise cannot be shown: await it first
    text: TypeError: the value cannot be converted to JSON: TypeError: BigInt are forbidden in JSON.stringify
    text: TypeError: the value cannot be converted to JSON: TypeError: circular reference
    done
    ");
}

#[test]
fn images() {
    assert_snapshot!(ran("
        image('data:image/png;base64,AAAA');
        image({ image_url: 'https://example.org/a.png', detail: 'high' });
        image({ image_url: 'http://example.org/a.png', detail: null });
        for (const wrong of [undefined, 'file:///etc/passwd', {}, { image_url: 1 }, { image_url: 'data:,', detail: 'huge' }]) {
            try { image(wrong) } catch (error) { text(String(error)) }
        }
    "), @r#"
    image: data:image/png;base64,AAAA
    image: https://example.org/a.png High
    image: http://example.org/a.png
    text: TypeError: image() takes a data: or http(s): URL, or an object { image_url, detail } with such a URL
    text: TypeError: image() takes a data: or http(s): URL, or an object { image_url, detail } with such a URL
    text: TypeError: image() takes a data: or http(s): URL, or an object { image_url, detail } with such a URL
    text: TypeError: image() takes a data: or http(s): URL, or an object { image_url, detail } with such a URL
    text: TypeError: the detail of image() must be "auto", "low", "high" or "original"
    done
    "#);
}

#[test]
fn notifications_are_sent_at_once() {
    assert_snapshot!(ran("notify('halfway'); notify({ n: 1 }); await tools.echo(1); notify('end')"), @r#"
    notification of 1 (exec-1): halfway
    notification of 1 (exec-1): {"n":1}
    call 1.1: echo 1
    notification of 1 (exec-1): end
    done
    "#);
    let limits = CellLimits { notification_bytes: 300, ..CellLimits::default() };
    assert_snapshot!(ran_within(limits, "for (;;) notify('again'.repeat(10))"), @r"
    notification of 1 (exec-1): againagainagainagainagainagainagainagainagainagain
    failed: RangeError: the notifications of this cell exceed 300 bytes: send fewer or shorter ones
        at <anonymous> (cell:1:24)
    ");
}

#[test]
fn output_is_limited() {
    let limits = CellLimits { output_bytes: 1000, ..CellLimits::default() };
    let drawn = ran_within(limits, "for (;;) text('0123456789')");
    assert_snapshot!(drawn.lines().skip_while(|line| line.starts_with("text: ")).collect::<Vec<_>>().join("\n"), @r"
    failed: RangeError: the output exceeds 1000 bytes: show less, or call yield_control() in between
        at <anonymous> (cell:1:9)
    ");
}

fn truncated(max_output_tokens: usize, source: &str) -> String {
    block_on(async {
        let mut run = Run::new();
        let request = ExecuteRequest { max_output_tokens: Some(max_output_tokens), ..run.request(source) };
        run.start(request).await;
        run.drawn
    })
}

#[test]
fn long_output_keeps_head_and_tail() {
    assert_snapshot!(truncated(4, "text('0123456789abcdefghijklmnopqrstuvwxyz')"), @r"
    text: 01234567
    text: … 5 of 9 tokens cut …
    text: stuvwxyz
    done
    ");
    assert_snapshot!(truncated(4, "text('0123456789abcdef')"), @r"
    text: 0123456789abcdef
    done
    ");
    // Characters stay whole.
    assert_snapshot!(truncated(4, "text('ääääääääääääääääääää')"), @r"
    text: ääää
    text: … 6 of 10 tokens cut …
    text: ääää
    done
    ");
    assert_snapshot!(truncated(3, "text('😀😀😀😀😀😀😀')"), @r"
    text: 😀
    text: … 5 of 7 tokens cut …
    text: 😀
    done
    ");
    // The limit applies to all pieces together, and not to images.
    assert_snapshot!(truncated(5, "for (let i = 0; i < 9; i++) { text('piece ' + i); image('data:,' + i) }"), @r"
    text: piece 0
    image: data:,0
    text: pie
    text: … 11 of 16 tokens cut …
    image: data:,1
    image: data:,2
    image: data:,3
    image: data:,4
    image: data:,5
    image: data:,6
    text: e 7
    image: data:,7
    text: piece 8
    image: data:,8
    done
    ");
    assert_snapshot!(truncated(10, "throw new Error('long '.repeat(100) + 'end')"), @r"
    failed: Error: long long lon
    … 126 of 136 tokens cut …
    onymous> (cell:1:38)
    ");
}

#[test]
fn output_is_returned_only_once() {
    let drawn = block_on(async {
        let mut run = Run::new();
        let source = "
            const calls = [tools.never(1), tools.never(2)];
            text('one'); yield_control(); await calls[0];
            text('two'); yield_control(); await calls[1];
            text('three');
        ";
        run.execute(source).await;
        let cell = run.session.cells().remove(0);
        for call in ["1.1", "1.2", "1.3"] {
            run.session.answer(&cell, &call.into(), Ok(json!(null)));
            run.wait(WaitRequest::new(cell.clone())).await;
        }
        run.drawn
    });
    assert_snapshot!(drawn, @r"
    call 1.1: never 1
    call 1.2: never 2
    text: one
    yielded
    text: two
    yielded
    text: three
    done
    no cell 1
    ");
}

#[test]
fn a_cell_yields_after_its_time() {
    let drawn = block_on(async {
        let mut run = Run::new();
        let source = "text('at work'); await tools.never()";
        let request = ExecuteRequest { yield_time: Some(Duration::from_secs(2)), ..run.request(source) };
        run.start(request).await;
        run.session.shutdown().await;
        run.drawn
    });
    assert_snapshot!(drawn, @r"
    call 1.1: never {}
    text: at work
    yielded
    ");
}

#[test]
fn items_have_the_form_that_models_accept() {
    let items = [
        ContentItem::text("a"),
        ContentItem::Image { image_url: "data:,".to_owned(), detail: None },
        ContentItem::Image { image_url: "data:,".to_owned(), detail: Some(ImageDetail::High) },
    ];
    let form = json!([
        { "type": "input_text", "text": "a" },
        { "type": "input_image", "image_url": "data:," },
        { "type": "input_image", "image_url": "data:,", "detail": "high" },
    ]);
    assert_eq!(serde_json::to_value(&items).unwrap(), form);
    assert_eq!(serde_json::from_value::<[ContentItem; 3]>(form).unwrap(), items);
}
