"""Frameworks that people build on, unmodified, against a real server: LangChain, LlamaIndex and instructor."""
import asyncio
import functools
import operator
from typing import Literal

import instructor
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel, Field

QUESTION = "What is the capital of France? Answer in one word."


ABOUT_PARIS = "Describe the city of Paris as a JSON object."
WEATHER = "How is the weather in Paris?"


class City(BaseModel):
    """A city and what is known about it."""
    name: str = Field(max_length=40)
    country: str = Field(max_length=40)
    size: Literal["small", "large"]
    inhabitants: int = Field(ge=0, le=99_999_999)


def forecast(city: str, days: Literal["one", "two"]) -> str:
    """The weather in a city for some days."""
    return f"sunny in {city} for {days}"


weather = tool("weather")(forecast)


def model_id(server) -> str:
    return openai.OpenAI(base_url=server.url + "/v1", api_key="none").models.list().data[0].id


@pytest.fixture(scope="module")
def langchain(server):
    return ChatOpenAI(model=model_id(server), base_url=server.url + "/v1", api_key="none", temperature=0, seed=1,
                      max_tokens=24, max_retries=0)


@pytest.fixture(scope="module")
def llama_index(server):
    return OpenAILike(model=model_id(server), api_base=server.url + "/v1", api_key="none", is_chat_model=True,
                      context_window=2048, max_tokens=24, temperature=0, max_retries=0)


class TestLangChain:
    def test_answers_and_streams_the_same(self, langchain):
        messages = [SystemMessage("Be brief."), HumanMessage(QUESTION)]
        answer = langchain.invoke(messages)
        assert isinstance(answer, AIMessage) and "Paris" in answer.content
        assert answer.usage_metadata["output_tokens"] > 0
        assert answer.response_metadata["finish_reason"] in ("stop", "length")
        chunks = list(langchain.stream(messages, stream_usage=True))
        assert "".join(chunk.text for chunk in chunks) == answer.content
        assert len(chunks) > 3
        total = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
        assert total[-1]["output_tokens"] == answer.usage_metadata["output_tokens"]

    def test_runs_batches_and_asynchronous_calls(self, langchain):
        answers = langchain.batch([QUESTION, QUESTION, "Say hello."])
        assert answers[0].content == answers[1].content
        assert asyncio.run(langchain.ainvoke(QUESTION)).content == answers[0].content

    def test_gives_log_probabilities(self, langchain):
        answer = langchain.bind(logprobs=True, top_logprobs=2).invoke(QUESTION)
        tokens = answer.response_metadata["logprobs"]["content"]
        assert "".join(token["token"] for token in tokens).startswith(answer.content)
        assert all(len(token["top_logprobs"]) == 2 for token in tokens)

    def test_completes_texts(self, server):
        completion = OpenAI(model=model_id(server), base_url=server.url + "/v1", api_key="none", temperature=0,
                            max_tokens=8, max_retries=0)
        text = completion.invoke("The capital of France is")
        assert "Paris" in text
        assert "".join(completion.stream("The capital of France is")) == text

    def test_errors_are_those_of_the_client(self, server):
        with pytest.raises(openai.NotFoundError):
            ChatOpenAI(model="missing", base_url=server.url + "/v1", api_key="none", max_retries=0).invoke("x")


    @pytest.mark.parametrize("choice", ["required", "weather"])
    def test_calls_tools(self, langchain, choice):
        bound = langchain.bind_tools([weather], tool_choice=choice).bind(max_tokens=200)
        answer = bound.invoke(WEATHER)
        calls = answer.tool_calls
        assert calls and all(call["name"] == "weather" for call in calls)
        results = [weather.invoke(call) for call in calls]
        assert all(result.content.startswith("sunny in") for result in results)
        streamed = functools.reduce(operator.add, bound.stream(WEATHER))
        assert [call["args"] for call in streamed.tool_calls] == [call["args"] for call in calls]
        assert langchain.invoke([HumanMessage(WEATHER), answer, *results]).content

    @pytest.mark.parametrize("method", ["json_schema", "function_calling"])
    def test_gives_structured_output(self, server, method):
        chat = ChatOpenAI(model=model_id(server), base_url=server.url + "/v1", api_key="none", temperature=1, seed=1,
                          max_tokens=300, max_retries=0)
        assert isinstance(chat.with_structured_output(City, method=method).invoke(ABOUT_PARIS), City)


class TestLlamaIndex:
    def test_chats_completes_and_streams(self, llama_index):
        messages = [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content=QUESTION)]
        answer = llama_index.chat(messages)
        assert "Paris" in answer.message.content
        streamed = list(llama_index.stream_chat(messages))
        assert streamed[-1].message.content == answer.message.content
        assert "".join(chunk.delta or "" for chunk in streamed) == answer.message.content
        assert "Paris" in llama_index.complete(QUESTION).text

    def test_calls_tools_and_fills_models(self, server):
        model = OpenAILike(model=model_id(server), api_base=server.url + "/v1", api_key="none", is_chat_model=True,
                           is_function_calling_model=True, context_window=2048, max_tokens=300, temperature=1,
                           max_retries=0)
        found = FunctionTool.from_defaults(forecast, name="weather")
        answer = model.chat_with_tools([found], user_msg=WEATHER, tool_required=True)
        calls = model.get_tool_calls_from_response(answer)
        assert calls[0].tool_name == "weather" and found(**calls[0].tool_kwargs).content.startswith("sunny in")
        city = model.structured_predict(City, PromptTemplate(ABOUT_PARIS), llm_kwargs={"tool_choice": "required"})
        assert isinstance(city, City)


class TestInstructor:
    @pytest.mark.parametrize("mode", [instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA])
    def test_gives_typed_output(self, server, mode):
        client = instructor.from_openai(openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0),
                                        mode=mode)
        options = dict(model=model_id(server), messages=[{"role": "user", "content": ABOUT_PARIS}], temperature=1,
                       seed=2, max_tokens=300, max_retries=0)
        city = client.chat.completions.create(response_model=City, **options)
        assert isinstance(city, City)
