import string
import sys
from collections import Counter, OrderedDict, defaultdict, deque

words = sys.stdin.read().lower().translate(str.maketrans("", "", string.punctuation)).split()
counts = Counter(words)
for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:4]:
    print(f"{word:.<10}{count}")
by_length = defaultdict(set)
for word in words:
    by_length[len(word)].add(word)
print({length: sorted(by_length[length]) for length in sorted(by_length)})
last = deque(words, maxlen=3)
last.rotate(1)
print(last, counts.most_common(1), counts["absent"])
ordered = OrderedDict.fromkeys(words)
ordered.move_to_end("the")
print(list(ordered)[-2:])
