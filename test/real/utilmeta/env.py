"""Asks UtilMeta for the environment of each case: cases as JSON on stdin, answers as JSON on stdout."""
import json
import os
import sys
import tempfile
from typing import List, Optional

from utilmeta.conf import Env

TYPES = {
    'str': str,
    'int': int,
    'float': float,
    'bool': bool,
    'list of str': List[str],
    'list of int': List[int],
    'dict': dict,
    'optional str': Optional[str],
}


def answer(case):
    kept = dict(os.environ)
    os.environ.update(case['variables'])
    try:
        fields = {name: field if isinstance(field, list) else [field] for name, field in case['fields'].items()}
        members = {name: field[1] for name, field in fields.items() if len(field) > 1}
        members.update({name: None for name, field in fields.items() if field == ['optional str']})
        members['__annotations__'] = {name: TYPES[field[0]] for name, field in fields.items()}
        options = {'sys_env': 'DEMO_'}
        if 'file' in case:
            options['file'] = os.path.join(tempfile.mkdtemp(), case['file']['name'])
            with open(options['file'], 'w', encoding='utf-8') as file:
                file.write(case['file']['text'])
        env = type('Cases', (Env,), members)(**options)
        return {'values': {name: getattr(env, name) for name in fields}}
    except Exception as error:
        return {'error': type(error).__name__}
    finally:
        os.environ.clear()
        os.environ.update(kept)


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
