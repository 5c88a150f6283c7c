"""A comparison on the adapter's page, from the press of Run to the verdict."""

import json

from playwright.sync_api import Locator, expect

from tests.browser.scripted_site import BASE_TEXT, FAILURE, HOSTILE, SILENTLY, SLOWLY, SOLUTION


def test_base_and_adapter_stream_side_by_side_each_at_its_own_pace(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.field("sentence").fill(SLOWLY)
    opened.run.click()
    opened.adapter.wait_until("Finished")
    opened.base.wait_until("Writing")  # the other pane is still at it
    opened.base.wait_until("Finished")
    assert (opened.base.read(), opened.adapter.read()) == (BASE_TEXT, "1")
    expect(opened.base.metric("tokens")).to_have_text(f"{prompt_tokens(opened)} / 60")
    expect(opened.base.metric("first")).to_have_text("50 ms")
    expect(opened.base.metric("speed")).to_have_text("20 tok/s")
    expect(opened.adapter.metric("finish")).to_have_text("complete")


def test_an_answer_cut_by_the_token_limit_says_so(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.page.get_by_text("Parameters").click()
    opened.page.get_by_label("Most tokens").fill("5")
    opened.run.click()
    opened.base.wait_until("Finished")
    assert opened.base.read() == "1 2 3 4 5"
    expect(opened.base.metric("finish")).to_have_text("token limit")


def test_an_answer_without_a_word_says_so(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.field("sentence").fill(SILENTLY)
    opened.run.click()
    opened.base.wait_until("Finished")
    hint = opened.page.get_by_text("It ended at once, without a word.")
    expect(hint).to_be_visible()
    opened.field("sentence").fill("something else")
    opened.run.click()
    opened.base.wait_until("Finished")
    expect(hint).not_to_be_visible()


def prompt_tokens(opened) -> int:
    """The scripted engine counts words."""
    return len(opened.page.locator("[data-prompt]").evaluate("element => element.textContent").split())


def test_an_example_carries_its_right_answer_and_each_pane_its_verdict(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.run.click()
    opened.base.wait_until("Finished")
    expect(opened.gold).to_have_text("1")
    expect(opened.adapter.verdict).to_have_text("✓ Right")
    expect(opened.base.verdict).to_have_text("✗ Not right")

    opened.example("A cold review").click()
    expect(opened.field("sentence")).to_have_value("the plot is dull and lifeless .")
    opened.run.click()
    opened.base.wait_until("Finished")
    expect(opened.gold).to_have_text("0")
    expect(opened.adapter.verdict).to_have_text("✗ Not right")


def test_a_prompt_of_ones_own_has_no_verdict(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.field("sentence").fill(f"my own words, {SLOWLY}")
    opened.run.click()
    opened.adapter.wait_until("Finished")
    opened.stop_all.click()
    opened.base.wait_until("Stopped")
    expect(opened.adapter.verdict).to_be_hidden()
    expect(opened.gold).to_be_hidden()


def test_stopping_one_pane_leaves_the_other_writing(open_adapter):
    opened = open_adapter("viggo")
    opened.field("meaning_representation").fill(SLOWLY)
    opened.run.click()
    opened.base.wait_for_text(" 3")
    opened.base.stop.click()
    opened.base.wait_until("Stopped")
    expect(opened.base.metric("finish")).to_have_text("stopped")
    opened.adapter.wait_until("Finished")
    text = opened.base.read()
    assert BASE_TEXT.startswith(text)
    assert len(text) < len(BASE_TEXT)


def tab_to(target: Locator) -> None:
    for _ in range(30):
        target.page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("the Tab key does not lead there")


def test_the_keyboard_is_enough(open_adapter):
    opened = open_adapter("glue_sst2")
    keyboard = opened.page.keyboard
    keyboard.press("Tab")
    expect(opened.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keyboard.press("Enter")
    tab_to(opened.example("A cold review"))
    keyboard.press("Enter")
    expect(opened.example("A cold review")).to_have_attribute("aria-pressed", "true")
    tab_to(opened.field("sentence"))
    keyboard.press("End")
    keyboard.type(f" and {SLOWLY}")
    keyboard.press("Control+Enter")
    opened.base.wait_for_text(" 3")
    keyboard.press("Escape")
    opened.base.wait_until("Stopped")
    expect(opened.page.locator("#announcer")).to_contain_text("Mini-Mistral 5M (base) stopped")


def test_a_pane_that_fails_says_why_and_can_be_retried_alone(open_adapter):
    opened = open_adapter("gsm8k")
    opened.field("question").fill("How many pens are in three boxes of four?")
    opened.run.click()
    opened.adapter.wait_until("Failed")
    expect(opened.adapter.error).to_have_text(FAILURE)
    assert opened.adapter.read() == "3 boxes"
    opened.adapter.retry.click()
    opened.adapter.wait_until("Finished")
    assert opened.adapter.read() == SOLUTION
    expect(opened.adapter.error).to_be_empty()
    opened.base.wait_until("Finished")
    assert opened.base.read() == BASE_TEXT
    opened.page.reload()
    opened.adapter.wait_until("Finished")
    assert opened.adapter.read() == SOLUTION
    assert opened.base.read() == BASE_TEXT


def test_what_a_model_writes_is_text_and_nothing_else(open_adapter):
    opened = open_adapter("conllpp")
    opened.run.click()
    opened.adapter.wait_until("Finished")
    assert opened.adapter.read() == HOSTILE
    assert opened.adapter.text.evaluate("element => element.childElementCount") == 0
    assert opened.page.evaluate("window.hacked") is None
    assert opened.adapter.text.evaluate("element => getComputedStyle(element).whiteSpace") == "pre-wrap"


def test_the_view_follows_new_text_until_the_visitor_scrolls_away(open_adapter):
    opened = open_adapter("viggo")
    opened.page.get_by_text("Parameters").click()
    opened.page.get_by_label("Most tokens").fill("160")
    opened.run.click()
    opened.adapter.wait_for_text("line 40\n")
    expect(opened.adapter.jump).to_be_hidden()
    opened.adapter.scroll.evaluate("element => { element.scrollTop = 0; }")
    expect(opened.adapter.jump).to_be_visible()
    opened.adapter.wait_until("Finished")
    assert opened.adapter.scroll.evaluate("element => element.scrollTop") == 0
    opened.adapter.jump.click()
    expect(opened.adapter.jump).to_be_hidden()
    left = "element => element.scrollHeight - element.scrollTop - element.clientHeight"
    assert opened.adapter.scroll.evaluate(left) < 2


def test_free_text_starts_from_the_rendered_template_and_is_sent_as_it_stands(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.page.get_by_label("Free text").check()
    free = opened.page.get_by_label("Prompt, exactly as sent")
    assert "a warm, funny, engaging film ." in free.input_value()
    free.fill("  two words\n")
    opened.run.click()
    opened.adapter.wait_until("Finished")
    opened.page.get_by_text("Exact prompt sent").click()
    sent = opened.page.locator("[data-prompt]")
    assert sent.evaluate("element => element.textContent") == "  two words\n"


def test_an_empty_prompt_and_a_bad_parameter_are_refused_in_words(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.field("sentence").fill("  ")
    opened.run.click()
    expect(opened.form_error).to_contain_text("The prompt is empty")
    opened.field("sentence").fill("fine")
    opened.page.get_by_text("Parameters").click()
    opened.page.get_by_label("Temperature").fill("11")
    opened.run.click()
    expect(opened.form_error).to_contain_text("temperature must be")
    expect(opened.page.get_by_label("Temperature")).to_have_attribute("aria-invalid", "true")
    expect(opened.page.get_by_label("Temperature")).to_be_focused()
    opened.base.wait_until("Ready")
    opened.page.get_by_role("button", name="Back to the task’s own").click()
    opened.run.click()
    opened.adapter.wait_until("Finished")
    expect(opened.form_error).to_be_hidden()


def test_the_seed_is_shown_and_can_be_kept(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.run.click()
    opened.adapter.wait_until("Finished")
    opened.page.get_by_role("button", name="Keep this seed").click()
    seed = opened.page.locator('[name="seed"]').input_value()
    assert seed.isdecimal()
    opened.run.click()
    expect(opened.page.locator("[data-run-sampling]")).to_contain_text(f"seed {seed}")


def test_running_again_replaces_the_run_before(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.field("sentence").fill(SLOWLY)
    opened.run.click()
    opened.base.wait_for_text(" 5")
    first = opened.page.url
    opened.run.click()
    expect(opened.page).not_to_have_url(first)
    opened.base.wait_until("Finished")
    assert opened.base.read() == BASE_TEXT


def test_a_run_is_shown_as_code_that_asks_for_the_same(open_adapter):
    opened = open_adapter("glue_sst2")
    opened.run.click()
    opened.adapter.wait_until("Finished")
    opened.page.get_by_role("button", name="View code").click()
    code = opened.page.locator("[data-code]")
    curl = code.inner_text()
    body = json.loads(curl.split("<<'JSON'\n")[1].removesuffix("JSON"))
    prompt = opened.page.locator("[data-prompt]").evaluate("element => element.textContent")
    assert body["model"] == "glue_sst2"
    assert body["prompt"] == prompt
    assert (body["temperature"], body["max_tokens"]) == (0, 64)
    assert isinstance(body["seed"], int)
    opened.page.get_by_label("Python").check()
    opened.page.get_by_role("dialog").get_by_label("Base").check()
    python = code.inner_text()
    compile(python, "snippet", "exec")
    assert 'model="mini-mistral-5m"' in python
    opened.page.keyboard.press("Escape")
    expect(opened.page.get_by_role("dialog")).to_be_hidden()
