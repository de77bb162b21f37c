from geometry import Circle, Square
from geometry.names import describe
import settings

for shape in (Circle(settings.RADIUS), Square(4)):
    print(describe(shape))
with open("notes/readme.txt") as notes:
    print(notes.read().strip())
