"""The official openai client, unmodified: conversations that responses go on from and add to."""
import threading

import openai
import pytest

from test_responses_client import client, client_of, model, running, wait_for  # noqa: F401: fixtures too

FIXED = {"temperature": 0, "max_output_tokens": 16}


def said(role: str, text: str) -> dict:
    return {"type": "message", "role": role, "content": text}


def texts(client, conversation: str) -> list:
    items = client.conversations.items.list(conversation, order="asc", limit=2)  # in pages
    return [(item.role, "".join(part.text for part in item.content)) for item in items]


def test_a_conversation_is_made_changed_listed_and_deleted(client):
    made = client.conversations.create(items=[said("user", "one"), said("assistant", "two")], metadata={"topic": "a"})
    assert made.id.startswith("conv_") and made.object == "conversation" and made.metadata == {"topic": "a"}
    assert client.conversations.retrieve(made.id) == made
    assert client.conversations.update(made.id, metadata={"topic": "b"}).metadata == {"topic": "b"}
    added = client.conversations.items.create(made.id, items=[said("user", "three")])
    assert len(added.data) == 1 and added.first_id == added.last_id == added.data[0].id and not added.has_more
    assert texts(client, made.id) == [("user", "one"), ("assistant", "two"), ("user", "three")]
    newest = next(iter(client.conversations.items.list(made.id)))
    assert newest.id == added.data[0].id
    assert client.conversations.items.retrieve(newest.id, conversation_id=made.id) == newest
    assert client.conversations.items.delete(newest.id, conversation_id=made.id).id == made.id
    assert texts(client, made.id) == [("user", "one"), ("assistant", "two")]
    assert client.conversations.delete(made.id).deleted
    for attempt in (lambda: client.conversations.retrieve(made.id), lambda: texts(client, made.id),
                    lambda: client.conversations.items.create(made.id, items=[said("user", "x")]),
                    lambda: client.conversations.delete(made.id)):
        with pytest.raises(openai.NotFoundError):
            attempt()


def test_a_response_goes_on_from_the_conversation_and_adds_to_it(client, model):
    conversation = client.conversations.create(
        items=[said("user", "My name is Ada."), said("assistant", "Hello, Ada!")])
    first = client.responses.create(model=model, conversation=conversation.id, input="What is my name?", **FIXED)
    assert first.conversation.id == conversation.id
    events = list(client.responses.create(model=model, conversation=conversation.id, input="Say it again.",
                                          stream=True, **FIXED))
    second = events[-1].response
    history = [("user", "My name is Ada."), ("assistant", "Hello, Ada!"), ("user", "What is my name?"),
               ("assistant", first.output_text), ("user", "Say it again."), ("assistant", second.output_text)]
    assert texts(client, conversation.id) == history
    chat = client.chat.completions.create(model=model, temperature=0, max_tokens=16, messages=[
        {"role": role, "content": text} for role, text in history[:5]])
    assert chat.choices[0].message.content == second.output_text
    # What was asked for without the conversation, or failed, leaves it alone.
    client.responses.create(model=model, input="Hi", **FIXED)
    with pytest.raises(openai.BadRequestError):
        client.responses.create(model=model, conversation=conversation.id, input="word " * 5000, **FIXED)
    assert texts(client, conversation.id) == history
    client.conversations.delete(conversation.id)
    assert client.responses.retrieve(second.id).output_text == second.output_text


def test_items_are_referred_to_by_id(client, model):
    first = client.responses.create(model=model, input="Name a colour.", **FIXED)
    question = client.responses.input_items.list(first.id).data[0]
    conversation = client.conversations.create(items=[said("system", "Be brief.")])
    rule = next(iter(client.conversations.items.list(conversation.id)))
    by_id = [{"type": "item_reference", "id": item} for item in (rule.id, question.id, first.output[0].id)]
    referred = client.responses.create(model=model, input=[*by_id, said("user", "Another one.")], **FIXED)
    written = client.responses.create(model=model, **FIXED, input=[
        said("system", "Be brief."), said("user", "Name a colour."), said("assistant", first.output_text),
        said("user", "Another one.")])
    assert referred.output_text == written.output_text
    assert [item.id for item in client.responses.input_items.list(referred.id, order="asc").data][:3] == [
        rule.id, question.id, first.output[0].id]
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=model, input=[{"type": "item_reference", "id": "msg_none_0"}])


def test_one_response_at_a_time_adds_to_a_conversation(client, model):
    conversation = client.conversations.create()
    slow = client.responses.create(model=model, conversation=conversation.id, input="Write a story.", background=True,
                                   max_output_tokens=1500, extra_body={"ignore_eos": True})
    for attempt in (lambda: client.responses.create(model=model, conversation=conversation.id, input="Hi", **FIXED),
                    lambda: client.conversations.items.create(conversation.id, items=[said("user", "x")])):
        with pytest.raises(openai.ConflictError):
            attempt()
    client.responses.cancel(slow.id)
    assert texts(client, conversation.id) == []
    ends = []

    def ask(number: int) -> None:
        try:
            ends.append(client.responses.create(model=model, conversation=conversation.id, input=f"Say {number}.",
                                                **FIXED).output_text)
        except openai.ConflictError:
            pass

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = texts(client, conversation.id)
    assert ends and [text for role, text in kept if role == "assistant"] == ends and len(kept) == 2 * len(ends)


def test_nobody_sees_the_conversations_and_items_of_others(running, client, model):
    conversation = client.conversations.create(items=[said("user", "secret")])
    item = next(iter(client.conversations.items.list(conversation.id)))
    bob = client_of(running, "bob")
    for attempt in (lambda: bob.conversations.retrieve(conversation.id),
                    lambda: bob.conversations.delete(conversation.id),
                    lambda: bob.conversations.items.retrieve(item.id, conversation_id=conversation.id),
                    lambda: bob.conversations.items.create(conversation.id, items=[said("user", "x")]),
                    lambda: bob.responses.create(model=model, input=[{"type": "item_reference", "id": item.id}]),
                    lambda: bob.responses.create(model=model, conversation=conversation.id, input="x")):
        with pytest.raises(openai.NotFoundError):
            attempt()
    assert texts(client, conversation.id) == [("user", "secret")]


@pytest.mark.parametrize("body, param", [
    ({"conversation": "conv_none"}, "conversation"),
    ({"conversation": {}}, "conversation"),
    ({"conversation": "conv_none", "previous_response_id": "resp_none"}, "conversation"),
    ({"conversation": "conv_none", "store": False}, "conversation"),
])
def test_wrong_conversations_are_refused_by_name(client, model, body, param):
    with pytest.raises(openai.APIStatusError) as caught:
        client.responses.create(model=model, input="x", extra_body=body)
    assert caught.value.status_code in (400, 404) and caught.value.body["param"] == param


def test_wrong_items_are_refused_by_place(client):
    for items in ([{"type": "web_search_call"}], [said("nobody", "x")], [said("user", "x")] * 21, ["x"],
                  [{"type": "message", "role": "user", "content": [{"type": "input_image"}]}]):
        with pytest.raises(openai.BadRequestError) as caught:
            client.conversations.create(items=items)
        assert caught.value.body["param"] == "items"


def test_an_answered_conversation_is_free_at_once(client, model):
    conversation = client.conversations.create()
    for number in range(5):
        client.responses.create(model=model, conversation=conversation.id, input=f"{number}?", temperature=0,
                                max_output_tokens=2)
    assert len(texts(client, conversation.id)) == 10
    wait_for(lambda: client.conversations.delete(conversation.id).deleted)
