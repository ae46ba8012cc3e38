//! One tab, used as a person does: what is there is found by role and accessible name, and touched by mouse and keys.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::browser::{Browser, Entry};
use crate::wait;

/// How long something may take to show up on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long something may stay covered or disabled.
const CLICKABLE: Duration = Duration::from_secs(15);

/// A tab.
#[derive(Clone)]
pub struct Page {
    browser: Arc<Browser>,
    tab: String,
}

/// Something on a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Element(Value);

/// What a page holds.
#[derive(Clone, Copy, Debug)]
pub struct Holdings {
    /// KiB of its scripts' heap.
    pub script: f64,
    /// KiB that its module has for itself.
    pub module: f64,
    /// Connections to other members, closed or not.
    pub connections: f64,
}

impl Page {
    /// An empty tab of `profile`, 1280 by 800 pixels large.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn new(browser: Arc<Browser>, profile: &str) -> Result<Self> {
        let tab = browser.new_tab(profile).await?;
        let page = Self { browser, tab };
        page.resize(1280, 800).await?;
        Ok(page)
    }

    /// Its browser.
    pub fn browser(&self) -> &Arc<Browser> {
        &self.browser
    }

    /// What it wrote to the console.
    pub fn console(&self) -> Vec<Entry> {
        self.browser.console(&self.tab)
    }

    async fn command(&self, method: &str, mut parameters: Value) -> Result<Value> {
        parameters["context"] = json!(self.tab);
        self.browser.command(method, parameters).await
    }

    /// Runs a JavaScript function before the scripts of whatever is loaded from now on.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn prepare(&self, function: &str) -> Result<()> {
        let parameters = json!({ "functionDeclaration": function, "contexts": [self.tab] });
        self.browser.command("script.addPreloadScript", parameters).await.map(|_| ())
    }

    /// Covers the tab with another one of its window, so that nobody sees it any more.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn cover(&self) -> Result<Self> {
        let parameters = json!({ "type": "tab", "referenceContext": self.tab });
        let created = self.browser.command("browsingContext.create", parameters).await?;
        let tab = created["context"].as_str().context("a tab without an id")?.to_owned();
        Ok(Self { browser: self.browser.clone(), tab })
    }

    /// Goes to `url`.
    ///
    /// # Errors
    /// It does not load.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.command("browsingContext.navigate", json!({ "url": url, "wait": "complete" })).await.map(|_| ())
    }

    /// Loads it anew.
    ///
    /// # Errors
    /// It does not load.
    pub async fn reload(&self) -> Result<()> {
        self.command("browsingContext.reload", json!({ "wait": "complete" })).await.map(|_| ())
    }

    /// Closes the tab, as a click on its cross does: the page hears of it.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn close(&self) -> Result<()> {
        self.command("browsingContext.close", json!({ "promptUnload": true })).await.map(|_| ())
    }

    /// What the page sees of its window, in CSS pixels.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        let viewport = json!({ "viewport": { "width": width, "height": height } });
        self.command("browsingContext.setViewport", viewport).await.map(|_| ())
    }

    /// A PNG of what is seen.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        use base64ct::{Base64, Encoding};
        let shot = self.command("browsingContext.captureScreenshot", json!({})).await?;
        let data = shot["data"].as_str().context("a screenshot without data")?;
        Base64::decode_vec(data).map_err(|error| anyhow::anyhow!("a screenshot is not base64: {error}"))
    }

    // ---- scripts, for what no person could tell

    /// What the JavaScript function `function` makes of `argument`.
    ///
    /// # Errors
    /// It throws.
    pub async fn call(&self, function: &str, argument: Value) -> Result<Value> {
        self.run(function, None, argument).await
    }

    /// What `function` makes of an element and `argument`.
    ///
    /// # Errors
    /// It throws, or the element is gone.
    pub async fn call_on(&self, element: &Element, function: &str, argument: Value) -> Result<Value> {
        self.run(function, Some(element), argument).await
    }

    /// The number that a JavaScript expression has for its value.
    ///
    /// # Errors
    /// It throws, or is none.
    pub async fn number(&self, expression: &str) -> Result<f64> {
        let value = self.call(&format!("() => {expression}"), Value::Null).await?;
        value.as_f64().with_context(|| format!("{expression} is {value}"))
    }

    async fn run(&self, function: &str, element: Option<&Element>, argument: Value) -> Result<Value> {
        let element = element.map_or_else(|| json!({ "type": "null" }), |element| element.0.clone());
        let wrapped = format!(
            "async (element, argument) => JSON.stringify(await ({function})(...(element ? [element, JSON.parse(argument)] : [JSON.parse(argument)])) ?? null)"
        );
        let arguments = json!([element, { "type": "string", "value": argument.to_string() }]);
        let value = self.evaluate(&wrapped, arguments).await.with_context(|| function.to_owned())?;
        Ok(serde_json::from_str(value.as_str().context("a script without a result")?)?)
    }

    /// What `function` makes of `arguments`, both as WebDriver BiDi has them.
    async fn evaluate(&self, function: &str, arguments: Value) -> Result<Value> {
        let parameters = json!({
            "functionDeclaration": function,
            "awaitPromise": true,
            "target": { "context": self.tab },
            "arguments": arguments,
            "serializationOptions": { "maxDomDepth": 0 },
        });
        let mut answer = self.browser.command("script.callFunction", parameters).await?;
        if answer["type"] != "success" {
            bail!("it throws: {}", answer["exceptionDetails"]["text"]);
        }
        Ok(answer["result"]["value"].take())
    }

    /// What is held once what nobody holds is collected. Of the browsers, only Chromium can tell.
    ///
    /// # Errors
    /// It is another one.
    pub async fn holdings(&self) -> Result<Holdings> {
        let session = self.command("goog:cdp.getSession", json!({})).await?["session"].clone();
        let ask = async |method: &str| {
            let parameters = json!({ "method": method, "params": {}, "session": session });
            Ok::<_, anyhow::Error>(self.browser.command("goog:cdp.sendCommand", parameters).await?["result"].take())
        };
        ask("HeapProfiler.collectGarbage").await?;
        let usage = ask("Runtime.getHeapUsage").await?;
        ask("Performance.enable").await?;
        let metrics = ask("Performance.getMetrics").await?;
        let mut metrics = metrics["metrics"].as_array().into_iter().flatten();
        let connections = metrics.rfind(|metric| metric["name"] == "RTCPeerConnections");
        let module = self.call("() => __test.memory()", Value::Null).await?;
        Ok(Holdings {
            script: usage["usedSize"].as_f64().context("no size of the heap")? / 1024.0,
            module: module.as_f64().context("no size of the module")? / 1024.0,
            connections: connections.and_then(|metric| metric["value"].as_f64()).context("no count of connections")?,
        })
    }

    // ---- finding

    /// All that have this role and name; in the whole page, or inside `root`.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn all(&self, role: &str, name: Option<&str>, root: Option<&Element>) -> Result<Vec<Element>> {
        wait::until("a document", PATIENCE, async || {
            match self.all_in_this_document(role, name, root).await {
                // ChromeDriver's words for a tab between two documents.
                Err(error) if error.to_string().contains("Cannot find context with specified id") => Ok(None),
                found => found,
            }
        })
        .await
    }

    /// Nothing where one of those that were asked of was gone by then.
    async fn all_in_this_document(
        &self,
        role: &str,
        name: Option<&str>,
        root: Option<&Element>,
    ) -> Result<Option<Vec<Element>>> {
        let candidates = self.candidates(role, name, root).await?;
        if candidates.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let mut value = json!({ "role": role });
        if let Some(name) = name {
            value["name"] = json!(name);
        }
        let parameters = json!({
            "locator": { "type": "accessibility", "value": value },
            "serializationOptions": { "maxDomDepth": 0 },
            "startNodes": candidates.iter().map(|element| &element.0).collect::<Vec<_>>(),
        });
        let found = match self.command("browsingContext.locateNodes", parameters).await {
            Err(error) if error.to_string().contains("no such node") => return Ok(None),
            found => elements(&found?["nodes"])?,
        };
        // It looks inside of them too.
        Ok(Some(candidates.into_iter().filter(|candidate| found.contains(candidate)).collect()))
    }

    /// What may have this role and name, each once.
    async fn candidates(&self, role: &str, name: Option<&str>, root: Option<&Element>) -> Result<Vec<Element>> {
        let text = |text: Option<&str>| {
            text.map_or_else(|| json!({ "type": "null" }), |text| json!({ "type": "string", "value": text }))
        };
        let root = root.map_or_else(|| text(None), |root| root.0.clone());
        let arguments = json!([root, text(Some(role)), text(name)]);
        elements(&self.evaluate(include_str!("candidates.js"), arguments).await?)
    }

    /// Whether there is one now.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn has(&self, role: &str, name: &str) -> Result<bool> {
        Ok(!self.all(role, Some(name), None).await?.is_empty())
    }

    /// Waits until exactly one has this role and name.
    ///
    /// # Errors
    /// None, or more than one, for too long.
    pub async fn find(&self, role: &str, name: &str) -> Result<Element> {
        self.find_in(None, role, name).await
    }

    /// The same inside `root`.
    ///
    /// # Errors
    /// None, or more than one, for too long.
    pub async fn find_in(&self, root: Option<&Element>, role: &str, name: &str) -> Result<Element> {
        let mut count = 0;
        let found = wait::until(&format!("the {role} “{name}”"), PATIENCE, async || {
            let mut all = self.all(role, Some(name), root).await?;
            count = all.len();
            Ok(if count == 1 { all.pop() } else { None })
        })
        .await;
        match count {
            0 | 1 => found,
            more => found.with_context(|| format!("{more} are called {role} “{name}”")),
        }
    }

    /// Waits until none has this role and name.
    ///
    /// # Errors
    /// There is one for too long.
    pub async fn gone(&self, role: &str, name: &str) -> Result<()> {
        wait::until(&format!("the end of the {role} “{name}”"), PATIENCE, async || {
            Ok((!self.has(role, name).await?).then_some(()))
        })
        .await
    }

    /// Waits until the page shows `text` somewhere.
    ///
    /// # Errors
    /// It does not for too long.
    pub async fn shows(&self, text: &str) -> Result<()> {
        wait::until(&format!("the text “{text}”"), PATIENCE, async || {
            Ok(self.text().await?.contains(text).then_some(()))
        })
        .await
    }

    /// The address, as the address bar has it.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn address(&self) -> Result<String> {
        let address = self.call("() => location.href", Value::Null).await?;
        Ok(address.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until nothing on the page has `text` in it any more.
    ///
    /// # Errors
    /// It does for too long.
    pub async fn no_longer_shows(&self, text: &str) -> Result<()> {
        wait::until(&format!("the end of the text “{text}”"), PATIENCE, async || {
            Ok((!self.text().await?.contains(text)).then_some(()))
        })
        .await
    }

    /// All that is to be read.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn text(&self) -> Result<String> {
        let text = self.call("() => document.body?.innerText ?? ''", Value::Null).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// What an element has to be read.
    ///
    /// # Errors
    /// It is gone.
    pub async fn text_of(&self, element: &Element) -> Result<String> {
        let text = self.call_on(element, "(element) => element.innerText", Value::Null).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// An attribute.
    ///
    /// # Errors
    /// The element is gone.
    pub async fn attribute(&self, element: &Element, name: &str) -> Result<Option<String>> {
        let value = self.call_on(element, "(element, name) => element.getAttribute(name)", json!(name)).await?;
        Ok(value.as_str().map(str::to_owned))
    }

    /// What is in a field.
    ///
    /// # Errors
    /// The element is gone.
    pub async fn value(&self, element: &Element) -> Result<String> {
        let value = self.call_on(element, "(element) => element.value", Value::Null).await?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    // ---- touching

    /// Clicks what has this role and name, once it can be clicked. Where the page puts another in its place meanwhile, that one.
    ///
    /// # Errors
    /// It is not there, stays disabled, or something lies on top of it.
    pub async fn click(&self, role: &str, name: &str) -> Result<()> {
        wait::until(&format!("a click on the {role} “{name}”"), PATIENCE, async || {
            let element = self.find(role, name).await?;
            match self.click_on(&element).await {
                Ok(()) => Ok(Some(())),
                Err(_) if self.is_gone(&element).await => Ok(None),
                Err(error) => Err(error.context(format!("clicking the {role} “{name}”"))),
            }
        })
        .await
    }

    async fn is_gone(&self, element: &Element) -> bool {
        self.call_on(element, "(element) => !element.isConnected", Value::Null).await.map_or(true, |gone| gone == true)
    }

    /// Clicks an element, once it can be clicked.
    ///
    /// # Errors
    /// It stays disabled, or something lies on top of it.
    pub async fn click_on(&self, element: &Element) -> Result<()> {
        let mut obstacle = Value::Null;
        let clear = wait::until("it to be clickable", CLICKABLE, async || {
            obstacle = self.call_on(element, OBSTACLE, Value::Null).await?;
            ensure!(obstacle != "it is gone", "it is gone");
            Ok(obstacle.is_null().then_some(()))
        })
        .await;
        clear.with_context(|| format!("in the way: {obstacle}"))?;
        self.mouse(element, true).await
    }

    /// Moves the mouse over an element.
    ///
    /// # Errors
    /// It is gone.
    pub async fn hover(&self, element: &Element) -> Result<()> {
        self.mouse(element, false).await
    }

    /// Replaces what is in a field by what is typed.
    ///
    /// # Errors
    /// It is not there, or takes nothing.
    pub async fn fill(&self, name: &str, text: &str) -> Result<()> {
        // The page may still move under the mouse while it loads, and put its own field in the place of the first.
        wait::until(&format!("the focus on “{name}”"), PATIENCE, async || {
            self.click("textbox", name).await?;
            let field = self.find("textbox", name).await?;
            let focused = self.call_on(&field, "(element) => document.activeElement === element", Value::Null).await?;
            Ok((focused == true).then_some(()))
        })
        .await?;
        self.keys(&[key_down(CONTROL), key_down("a"), key_up("a"), key_up(CONTROL)]).await?;
        if text.is_empty() {
            self.press(BACKSPACE).await?;
        }
        self.type_text(text).await?;
        let typed = self.value(&self.find("textbox", name).await?).await?;
        if typed != text {
            bail!("the textbox “{name}” has “{typed}” after “{text}” was typed");
        }
        Ok(())
    }

    /// Types where the focus is.
    ///
    /// # Errors
    /// The browser can't.
    pub async fn type_text(&self, text: &str) -> Result<()> {
        let keys: Vec<Value> = text
            .chars()
            .map(|char| if char == '\n' { ENTER.to_owned() } else { char.to_string() })
            .flat_map(|key| [key_down(&key), key_up(&key)])
            .collect();
        self.keys(&keys).await
    }

    /// Presses one key, such as [`ENTER`].
    ///
    /// # Errors
    /// The browser can't.
    pub async fn press(&self, key: &str) -> Result<()> {
        self.keys(&[key_down(key), key_up(key)]).await
    }

    /// Puts the focus on an element, as tabbing to it does.
    ///
    /// # Errors
    /// It is gone.
    pub async fn focus(&self, element: &Element) -> Result<()> {
        self.call_on(element, "(element) => element.focus()", Value::Null).await.map(|_| ())
    }

    /// Chooses an option of a combobox by its label.
    ///
    /// # Errors
    /// It is not there, or has no such option.
    pub async fn choose(&self, name: &str, option: &str) -> Result<()> {
        let element = self.find("combobox", name).await?;
        let chosen = self.call_on(&element, CHOOSE, json!(option)).await?;
        if chosen != json!(true) {
            bail!("“{name}” offers {chosen}, and no “{option}”");
        }
        Ok(())
    }

    /// The labels of a combobox's options.
    ///
    /// # Errors
    /// It is not there.
    pub async fn options(&self, name: &str) -> Result<Vec<String>> {
        let element = self.find("combobox", name).await?;
        let labels = "(element) => [...element.options].map((option) => option.label)";
        Ok(serde_json::from_value(self.call_on(&element, labels, Value::Null).await?)?)
    }

    /// Moves the mouse to an element's middle, wherever that is by then, and clicks or doesn't.
    async fn mouse(&self, element: &Element, click: bool) -> Result<()> {
        let mut steps = vec![
            json!({ "type": "pointerMove", "x": 0, "y": 0, "origin": { "type": "element", "element": element.0 } }),
        ];
        if click {
            steps.push(json!({ "type": "pointerDown", "button": 0 }));
            steps.push(json!({ "type": "pointerUp", "button": 0 }));
        }
        self.actions(json!({ "type": "pointer", "id": "mouse", "actions": steps })).await
    }

    async fn keys(&self, keys: &[Value]) -> Result<()> {
        self.actions(json!({ "type": "key", "id": "keyboard", "actions": keys })).await
    }

    async fn actions(&self, source: Value) -> Result<()> {
        self.command("input.performActions", json!({ "actions": [source] })).await.map(|_| ())
    }
}

/// Nodes, as WebDriver BiDi lists them.
fn elements(nodes: &Value) -> Result<Vec<Element>> {
    let nodes = nodes.as_array().context("nodes without a list")?;
    Ok(nodes.iter().map(|node| Element(json!({ "sharedId": node["sharedId"] }))).collect())
}

/// As WebDriver names keys.
pub const ENTER: &str = "\u{e007}";
/// See [`ENTER`].
pub const BACKSPACE: &str = "\u{e003}";
/// See [`ENTER`].
pub const HOME: &str = "\u{e011}";
/// See [`ENTER`].
pub const END: &str = "\u{e010}";
/// See [`ENTER`].
pub const ARROW_UP: &str = "\u{e013}";
/// See [`ENTER`].
pub const TAB: &str = "\u{e004}";
/// See [`ENTER`].
pub const ESCAPE: &str = "\u{e00c}";
const CONTROL: &str = "\u{e009}";

fn key_down(key: &str) -> Value {
    json!({ "type": "keyDown", "value": key })
}

fn key_up(key: &str) -> Value {
    json!({ "type": "keyUp", "value": key })
}

/// What keeps an element from being clicked, if anything does.
const OBSTACLE: &str = r"(element) => {
    if (!element.isConnected) return 'it is gone';
    element.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
    const { left, top, width, height } = element.getBoundingClientRect();
    if (!width || !height) return 'it has no size';
    if (element.disabled || element.getAttribute('aria-disabled') === 'true') return 'it is disabled';
    const hit = document.elementFromPoint(left + width / 2, top + height / 2);
    const labels = [...(element.labels ?? [])];
    if (hit && (element.contains(hit) || labels.some((label) => label.contains(hit)))) return null;
    return hit?.outerHTML.slice(0, 200) ?? 'it is outside the window';
}";

const CHOOSE: &str = r"(element, label) => {
    const option = [...element.options].find((option) => option.label === label);
    if (!option) return [...element.options].map((option) => option.label);
    element.value = option.value;
    for (const type of ['input', 'change']) element.dispatchEvent(new Event(type, { bubbles: true }));
    return true;
}";
