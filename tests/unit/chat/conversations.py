"""Conversations that templates are tried with."""

TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather", "description": "The weather of a \"place\" - now.\n  Not tomorrow's.",
        "parameters": {"type": "object", "required": ["place"], "properties": {
            "place": {"type": "string", "description": " Where, e.g. Köln "},
            "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
            "days": {"type": "array", "items": {"type": ["integer", "null"]}},
            "options": {"type": "object", "additionalProperties": {"type": "number"}}}},
        "return": {"type": "number"}}},
    {"type": "function", "function": {
        "name": "stop", "description": "Stops.", "parameters": {"type": "object", "properties": {}}}},
]


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def call(name, arguments, identity="abcdef123"):
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


CONVERSATIONS = {
    "one question": [user("Hello, who are you?")],
    "system": [system("You are terse."), user("Hi")],
    "turns": [user("1 + 1?"), assistant("2"), user("And 2 + 2?"), assistant("4"), user("Thanks!")],
    "system and turns": [system("Be\nbrief. "), user(" spaced "), assistant("  ok \n"), user("\n\nnewlines\r\nhere\t")],
    "answered": [user("Say \"hi\""), assistant("hi </s> <|im_end|>")],
    "letters": [user("naïve café 漢字 😀 \u00a0\u2028 end"), assistant("ÀÉß — “quotes” \\ / 'x'"), user("\u200b?")],
    "empty": [user("")],
    "nobody": [],
    "thinking": [user("Why?"), assistant("<think>\nBecause\n</think>\n\nThat is why."), user("Sure?"),
                 assistant("yes", reasoning_content="\nI am.\n"), user("Really?")],
    "call": [user("Weather in Köln?"),
             assistant(None, tool_calls=[call("get_weather", {"place": "Köln", "days": [1, 2.5], "deep": {"x": None, "y": True}})]),
             {"role": "tool", "name": "get_weather", "content": "{\"celsius\": 12.0}", "tool_call_id": "abcdef123"},
             assistant("It is 12 degrees."), user("Fine.")],
    "two calls": [system("Use tools."), user("Both!"),
                  assistant("", tool_calls=[call("get_weather", "{\"place\": \"Rom\"}"), call("stop", {}, "123456789")]),
                  {"role": "tool", "content": "sunny", "tool_call_id": "abcdef123"},
                  {"role": "tool", "content": {"done": True, "n": [1, "a"]}, "tool_call_id": "123456789"}],
    "parts": [user([{"type": "text", "text": " Look: "}, {"type": "image"}, {"type": "text", "text": "?"}])],
    "wrong order": [assistant("I begin."), user("Then I.")],
    "unknown role": [user("x"), {"role": "narrator", "content": "Meanwhile..."}],
    "extra keys": [{"role": "user", "content": "x", "name": "ann", "items": 3, "get": 1, "weight": 1e22, "big": 10**15}],
}


def requests():
    """The variables of a rendering, as transformers gives them to a template."""
    for messages in CONVERSATIONS.values():
        for tools in [None, TOOLS]:
            for prompt in [True, False]:
                yield {"messages": messages, "tools": tools, "documents": None, "add_generation_prompt": prompt,
                       "bos_token": "<s>", "eos_token": "</s>"}
    one = {"messages": CONVERSATIONS["system and turns"], "add_generation_prompt": True, "bos_token": "<s>",
           "eos_token": "</s>"}
    yield {**one, "enable_thinking": False}
    yield {**one, "enable_thinking": True, "date_string": "1 Jan 2000", "tools_in_user_message": False, "tools": TOOLS}
    yield {**one, "documents": [{"title": "A", "text": "x\ny", "b": {"z": 1, "a": []}}, {}]}
    yield {**one, "builtins": ["search", "interpreter"], "tools": TOOLS}
