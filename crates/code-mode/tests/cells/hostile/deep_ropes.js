let s = "";
for (let i = 0; i < 1e6; i++) s = i % 2 ? s + i : i + s;
text(s.length); s[5]; s.at(-1); s === s + "";
