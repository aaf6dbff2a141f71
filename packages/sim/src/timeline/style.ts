/** The looks of a timeline, as CSS. Statuses differ in lightness as well as in hue, so that nobody has to tell red from green. */

export const style = String.raw`
:root { color-scheme: light dark;
  --page: #fbfbfa; --panel: #ffffff; --ink: #1b1f24; --soft: #5b6470; --line: #d9dde2; --row: #f3f4f6; --cursor: #1f5fd0;
  --fault: rgba(31, 95, 208, .15); --fault-edge: #1f5fd0; --good: #14734a; --bad: #a3123a;
  --b0: #e9ebee; --b1: #bfe0d0; --b2: #f4dd6b; --b3: #efa73a; --b4: #cf5a12; --b5: #7a1136; --b6: #b9cdea; --b7: #6f8fbd;
  --stopped: #22262c; --paused: #4d2fa8; }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) {
  --page: #14171b; --panel: #1b1f25; --ink: #e8ebef; --soft: #9aa4b1; --line: #343b45; --row: #20252c; --cursor: #7fb0ff;
  --fault: rgba(127, 176, 255, .20); --fault-edge: #7fb0ff; --good: #5fd0a0; --bad: #ff7f9f;
  --b0: #2b3139; --b1: #1f5a45; --b2: #b59c1a; --b3: #e8962a; --b4: #ff7d3c; --b5: #ff4f7b; --b6: #3c5a86; --b7: #86a6d8;
  --stopped: #e8ebef; --paused: #c3b1ff; } }
:root[data-theme=dark] {
  --page: #14171b; --panel: #1b1f25; --ink: #e8ebef; --soft: #9aa4b1; --line: #343b45; --row: #20252c; --cursor: #7fb0ff;
  --fault: rgba(127, 176, 255, .20); --fault-edge: #7fb0ff; --good: #5fd0a0; --bad: #ff7f9f;
  --b0: #2b3139; --b1: #1f5a45; --b2: #b59c1a; --b3: #e8962a; --b4: #ff7d3c; --b5: #ff4f7b; --b6: #3c5a86; --b7: #86a6d8;
  --stopped: #e8ebef; --paused: #c3b1ff; }
:root[data-theme=light] { color-scheme: light; } :root[data-theme=dark] { color-scheme: dark; }
* { box-sizing: border-box; }
html { overflow-y: scroll; }
body { margin: 0; background: var(--page); color: var(--ink); font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header { padding: 14px 18px 6px; display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline; }
h1 { font-size: 20px; margin: 0; } h2 { font-size: 13px; margin: 0 0 6px; color: var(--soft); font-weight: 600; }
header p { margin: 0; color: var(--soft); flex-basis: 100%; }
.verdict { font-weight: 600; } .good { color: var(--good); } .bad { color: var(--bad); }
code { font: 12.5px/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--row); padding: 2px 6px; border-radius: 4px; overflow-wrap: anywhere; }
.bar { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; padding: 8px 18px; position: sticky; top: 0; z-index: 3;
  background: var(--page); border-bottom: 1px solid var(--line); }
.bar input[type=range] { flex: 1 1 160px; min-width: 120px; accent-color: var(--cursor); }
.bar input[type=search] { width: 220px; max-width: 100%; }
input, button { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 3px 9px; }
input[type=range] { padding: 0; border: 0; background: none; }
button { cursor: pointer; } button:hover { border-color: var(--cursor); } button:disabled { opacity: .45; cursor: default; }
:focus-visible { outline: 2px solid var(--cursor); outline-offset: 1px; }
output { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; min-width: 92px; text-align: right; }
main { display: grid; grid-template-columns: minmax(0, 1fr) minmax(300px, 430px); gap: 14px; padding: 12px 18px 24px; align-items: start; }
main.large { grid-template-columns: minmax(0, 1fr) minmax(300px, 40%); }
@media (max-width: 1080px) { main, main.large { grid-template-columns: minmax(0, 1fr); } }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 10px; min-width: 0; }
aside { display: grid; gap: 14px; min-width: 0; }
#lanes { overflow: auto; max-height: calc(100vh - 190px); min-height: 260px; position: relative; }
#lanes canvas { display: block; touch-action: pan-y; } #top { position: sticky; top: 0; z-index: 2; background: var(--panel); }
#matrix { display: block; max-width: 100%; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 14px; margin: 8px 0 0; padding: 0; list-style: none; font-size: 12.5px; color: var(--soft); }
.legend i { display: inline-block; width: 14px; height: 12px; border-radius: 2px; margin-right: 5px; vertical-align: -1px; border: 1px solid var(--line); }
.legend i.stopped { background: repeating-linear-gradient(45deg, var(--stopped) 0 1.5px, transparent 1.5px 5px); }
.legend i.paused { background: repeating-linear-gradient(90deg, var(--paused) 0 1.5px, transparent 1.5px 4px); }
.legend i.fault { background: var(--fault); border-color: var(--fault-edge); }
ol.list { list-style: none; margin: 0; padding: 0; font-size: 13px; }
ol.list button { display: grid; grid-template-columns: 76px minmax(0, 1fr); gap: 8px; width: 100%; text-align: left; border: 0; border-radius: 4px;
  padding: 2px 5px; background: none; overflow-wrap: anywhere; }
ol.list button:hover { background: var(--row); } ol.list time { font: 12px/1.6 ui-monospace, Menlo, Consolas, monospace; color: var(--soft); text-align: right; }
ol.list .later { opacity: .6; } ol.list .now button { background: var(--row); box-shadow: inset 3px 0 var(--cursor); }
ol.list small { display: block; color: var(--soft); } .scroll { max-height: 300px; overflow: auto; }
#tip { position: fixed; z-index: 9; pointer-events: none; background: var(--panel); border: 1px solid var(--soft); border-radius: 6px; padding: 6px 9px;
  font-size: 12.5px; max-width: 360px; box-shadow: 0 4px 16px rgba(0, 0, 0, .25); white-space: pre-line; overflow-wrap: anywhere; }
#tip[hidden] { display: none; } .note { color: var(--soft); font-size: 12.5px; margin: 6px 0 0; }
dialog { color: inherit; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; max-width: 520px; }
kbd { font: 12px ui-monospace, Menlo, monospace; border: 1px solid var(--line); border-radius: 4px; padding: 0 5px; background: var(--row); }
dialog td { padding: 2px 8px 2px 0; vertical-align: top; }
`;
