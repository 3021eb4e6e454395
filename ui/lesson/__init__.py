"""What the Lesson shows: its steps a slide at a time, the votes of a class, and the teacher's screen beside the wall"""
