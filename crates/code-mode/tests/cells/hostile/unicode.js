"\u{10ffff}".repeat(1e5).normalize("NFKD").toUpperCase().localeCompare("\ud800".repeat(1e5));
text("\ud800"); tools.echo({ "\udc00": "\ud800\\ud800" }); store("\ud800", "\udfff"); throw new Error("\ud800");
