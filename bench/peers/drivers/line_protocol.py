"""How a driver talks with the run: the first line says what it is, then each line is a test and gets one answer."""
import json
import os
import sys
import traceback


def take_output():
    """Standard output for the protocol alone; what libraries print goes to standard error."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return channel


def answer_tests(load) -> None:
    """load(arguments) gives (about, measure); measure(test) gives tokens per second."""
    channel = take_output()

    def say(value: dict) -> None:
        channel.write(json.dumps(value) + "\n")
        channel.flush()

    try:
        about, measure = load(json.loads(sys.argv[1]))
        say(about)
        for line in sys.stdin:
            say({"tokens_per_second": measure(json.loads(line))})
    except Exception as error:  # the run reports it as the peer's
        traceback.print_exc()
        say({"error": f"{type(error).__name__}: {str(error).strip()[:500]}"})
